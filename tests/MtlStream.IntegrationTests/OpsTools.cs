using System.Diagnostics;
using System.Net.Sockets;
using System.Net;
using System.Text.Json.Nodes;
using MtlStream.Tests;

namespace MtlStream.IntegrationTests;

/// <summary>Programs that the operations tests drive, and where they are. None of them is part of the repository.</summary>
internal static class OpsTools
{
    public static string Root { get; } = FindRoot();

    public static string? Collector { get; } = Existing(Path.Combine(Root, "..", "shared", "otelcol", "otelcol"));

    public static string? Helm { get; } = Existing(Path.Combine(Root, "..", "shared", "helm", "helm")) ?? OnPath("helm");

    public static string? Prometheus { get; } = OnPath("prometheus");

    public static string? Promtool { get; } = OnPath("promtool");

    public static string? Python { get; } = OnPath("python3");

    /// <summary>Runs a program to its end; its output and errors together.</summary>
    public static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        var run = await ProgramRun.OfAsync(new(program, arguments) { WorkingDirectory = Root });
        return (run.Code, run.Output + run.Error);
    }

    public static Process Start(string program, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = Root };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Starts the Collector, which writes what it gets into <c>metrics.jsonl</c>, <c>traces.jsonl</c> and <c>logs.jsonl</c> of a folder.</summary>
    /// <param name="http">Null for a port that nobody asks for, as for <paramref name="prometheus"/>.</param>
    public static Process StartCollector(string folder, int? grpc = null, int? http = null, int? prometheus = null)
    {
        var process = Start(Collector!, new Dictionary<string, string>
        {
            ["OTLP_OUT"] = folder,
            ["OTLP_GRPC_PORT"] = $"{grpc ?? FreePort()}",
            ["OTLP_HTTP_PORT"] = $"{http ?? FreePort()}",
            ["OTLP_PROMETHEUS_PORT"] = $"{prometheus ?? FreePort()}",
            ["OTLP_HEALTH_PORT"] = $"{FreePort()}",
        }, "--config", Path.Combine(Root, "..", "shared", "otelcol", "config.yaml"));
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Whether someone takes connections there.</summary>
    public static bool Listens(int port)
    {
        try
        {
            using var connection = new TcpClient("127.0.0.1", port);
            return connection.Connected;
        }
        catch (SocketException)
        {
            return false; // not yet
        }
    }

    /// <summary>What the Collector has written of a signal so far, one object for each batch that it got.</summary>
    /// <param name="file">Such as <c>metrics.jsonl</c>.</param>
    public static IReadOnlyList<JsonNode> Written(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        if (!File.Exists(path)) return [];
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var written = reader.ReadToEnd();
        return [.. written[..(written.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
    }

    /// <summary>A port that nobody listened on a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string? Existing(string path) => File.Exists(path) ? Path.GetFullPath(path) : null;

    private static string? OnPath(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static string FindRoot()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "MtlStream.sln"))) at = at.Parent ?? throw new InvalidOperationException("Not inside the repository.");
        return at.FullName;
    }
}

/// <summary>A test that needs programs which not every machine has; skipped with their names where they are missing.</summary>
internal sealed class OpsFactAttribute : FactAttribute
{
    /// <param name="tools">Names of members of <see cref="OpsTools"/>.</param>
    public OpsFactAttribute(params string[] tools)
    {
        var missing = tools.Where(t => typeof(OpsTools).GetProperty(t)!.GetValue(null) is null).ToList();
        if (missing.Count > 0)
            Skip = $"Needs {string.Join(", ", missing)}: the Collector and Helm in ../shared, Prometheus from Debian's package prometheus.";
    }
}
