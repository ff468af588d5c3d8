using System.Diagnostics;
using System.Net.NetworkInformation;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>A real Apache Kafka, driven by the script that <c>MTLSTREAM_TEST_KAFKA</c> or <c>../shared/kafka/kafka.sh</c> names.</summary>
internal sealed class KafkaCluster : IDisposable
{
    private readonly string _folder;
    private readonly int _nodes;

    private KafkaCluster(string folder, int nodes, int port, int advertised)
    {
        (_folder, _nodes, Port) = (folder, nodes, port);
        BootstrapServers = string.Join(',', Enumerable.Range(advertised, nodes).Select(p => $"127.0.0.1:{p}"));
    }

    /// <summary>The script; null when there is none on this machine.</summary>
    public static string? Script { get; } = FindScript();

    public string BootstrapServers { get; }

    /// <summary>Where the first node listens, whatever it advertises.</summary>
    public int Port { get; }

    public string SecureBootstrapServers => string.Join(',', Enumerable.Range(Port + 200, _nodes).Select(p => $"127.0.0.1:{p}"));

    public string AuthorityFile => Path.Combine(_folder, "tls", "ca.crt");

    /// <param name="advertised">Port at which clients are told to find the first node, where a proxy listens; null for the node's own.</param>
    public static KafkaCluster Start(int nodes = 1, bool secure = false, int? port = null, int? advertised = null)
    {
        var first = port ?? FreePort();
        var kafka = new KafkaCluster(Path.Combine(Path.GetTempPath(), $"mtlstream-kafka-{Guid.NewGuid():N}"), nodes, first, advertised ?? first);
        List<string> arguments = ["start", "--nodes", $"{nodes}", "--port", $"{first}"];
        if (secure) arguments.Add("--secure");
        if (advertised is { } at) arguments.AddRange(["--advertise", $"{at}"]);
        kafka.Command([.. arguments]);
        return kafka;
    }

    /// <summary>A port P such that those that the nodes take (P, P+100, P+200, P+300 and the next ones of each) are free.</summary>
    public static int FreePort()
    {
        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(l => l.Port).ToHashSet();
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            if (Enumerable.Range(0, 5).All(hundred => Enumerable.Range(port + 100 * hundred, 4).All(p => !taken.Contains(p)))) return port;
        }
    }

    public void CreateTopic(string name, int partitions, params string[] settings) => Command(
        ["topics", "--", "--create", "--topic", name, "--partitions", $"{partitions}", .. settings.SelectMany(s => new[] { "--config", s })]);

    /// <summary>Runs the script, or one of Kafka's own tools through it, and gives back what it prints.</summary>
    public string Command(params string[] arguments) => Command(null, arguments);

    public string Command(string? input, string[] arguments)
    {
        var start = new ProcessStartInfo(Script!) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(arguments[0]);
        start.ArgumentList.Add("--dir");
        start.ArgumentList.Add(_folder);
        foreach (var argument in arguments.Skip(1)) start.ArgumentList.Add(argument);

        using var process = Process.Start(start)!;
        // The nodes that it starts keep its pipes: wait for the script, not for their ends.
        var output = new System.Text.StringBuilder();
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(output, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (input is not null) process.StandardInput.Write(input);
        process.StandardInput.Close();
        while (!process.HasExited) process.WaitForExit(50);
        string text;
        lock (output) text = output.ToString();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"kafka.sh {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{text}");
    }

    public void Dispose() => Command("delete");

    private static void Append(System.Text.StringBuilder output, string? line)
    {
        if (line is null) return;
        lock (output) output.AppendLine(line);
    }

    private static string? FindScript()
    {
        if (Environment.GetEnvironmentVariable("MTLSTREAM_TEST_KAFKA") is { Length: > 0 } named && File.Exists(named)) return Path.GetFullPath(named);
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "MtlStream.sln"))) root = root.Parent;
        var beside = root is null ? null : Path.Combine(root.Parent?.FullName ?? "/", "shared", "kafka", "kafka.sh");
        return File.Exists(beside) ? beside : null;
    }
}

/// <summary>Marks a test that needs a real Kafka; skipped, with that reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KafkaClusterFactAttribute : FactAttribute
{
    public KafkaClusterFactAttribute()
    {
        if (KafkaCluster.Script is null) Skip = "There is no real Kafka here: set MTLSTREAM_TEST_KAFKA to the script that drives one.";
    }
}

/// <inheritdoc cref="KafkaClusterFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KafkaClusterTheoryAttribute : TheoryAttribute
{
    public KafkaClusterTheoryAttribute()
    {
        if (KafkaCluster.Script is null) Skip = "There is no real Kafka here: set MTLSTREAM_TEST_KAFKA to the script that drives one.";
    }
}

/// <summary>One node, plain and SASL_SSL, for all tests of a class.</summary>
public sealed class KafkaClusterFixture : IDisposable
{
    internal KafkaCluster Kafka { get; } = KafkaCluster.Script is null ? null! : KafkaCluster.Start(secure: true);

    public void Dispose() => Kafka?.Dispose();
}
