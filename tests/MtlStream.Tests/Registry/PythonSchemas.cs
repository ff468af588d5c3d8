using System.Diagnostics;
using System.Text.Json;

namespace MtlStream.Tests.Registry;

/// <summary>Runs <c>registry-interop.py</c>: the reference implementations of Python.</summary>
internal static class PythonSchemas
{
    private const string Python = "/usr/bin/python3";

    private static readonly Lazy<bool> s_hasModules = new(HasModules);

    /// <summary>Why it cannot run; null where it can.</summary>
    public static string? WhyNone() =>
        !s_hasModules.Value ? "There is no /usr/bin/python3 with avro and google.protobuf (python3-avro, python3-protobuf)."
        : Protoc is null ? "There is no protoc in the package Grpc.Tools." : null;

    /// <param name="root">Of the checkout.</param>
    /// <param name="input">A line for each answer that it is to read.</param>
    /// <returns>What it prints, a line for each.</returns>
    public static async Task<List<JsonElement>> RunAsync(string root, string verb, string input)
    {
        var start = new ProcessStartInfo(Python, [Path.Combine(root, "tests", "registry-interop.py"), verb, Protoc!]);
        start.Environment["PROTOBUF_INCLUDE"] = Include ?? "";
        start.Environment["PYTHONIOENCODING"] = "utf-8";
        var run = await ProgramRun.OfAsync(start, input);
        Assert.True(run.Code == 0, run.Error);
        return [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
    }

    /// <summary>Google's compiler, which the build of the core has brought.</summary>
    public static string? Protoc { get; } = Tool("tools", "linux_x64", "protoc");

    public static string? Include { get; } = Tool("build", "native", "include");

    private static string? Tool(params string[] parts)
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var folder = Path.Combine(packages, "grpc.tools");
        if (!Directory.Exists(folder)) return null;
        return Directory.GetDirectories(folder).Order(StringComparer.Ordinal).Select(version => Path.Combine([version, .. parts])).LastOrDefault(Path.Exists);
    }

    private static bool HasModules()
    {
        if (!File.Exists(Python)) return false;
        using var process = Process.Start(new ProcessStartInfo(Python, ["-c", "import avro.io, google.protobuf"]) { RedirectStandardError = true })!;
        return process.WaitForExit(60_000) && process.ExitCode == 0;
    }
}
