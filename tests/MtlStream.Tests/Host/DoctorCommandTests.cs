using System.Diagnostics;
using System.Net.Sockets;
using System.Net;
using MtlStream.Kafka;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class DoctorCommandTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task Where_everything_is_there_nothing_fails()
    {
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, 2);

        var result = await RunAsync(cluster.BootstrapServers);

        Assert.True(result.ExitCode == 0, string.Join('\n', result.Lines) + result.Error);
        foreach (var subject in new[] { "settings", "model", "device", "http", "broker", "topic" })
            Assert.Contains(result.Lines, l => l.Contains($" {subject} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_missing_topic_is_named_with_what_to_do()
    {
        using var cluster = new MockCluster();
        cluster.CreateTopic("in", 2);
        cluster.CreateTopic("out", 2);

        var result = await RunAsync(cluster.BootstrapServers);

        Assert.Equal(1, result.ExitCode);
        var at = result.Lines.ToList().FindIndex(l => l.StartsWith("failure", StringComparison.Ordinal));
        Assert.Contains("dead does not exist", result.Lines[at], StringComparison.Ordinal);
        Assert.Contains("Kafka:CreateTopics", result.Lines[at + 1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_part_is_looked_at_when_one_is_broken()
    {
        File.WriteAllText(_package.At("weights.bin"), "cut off");

        var result = await RunAsync("127.0.0.1:1");

        Assert.Equal(1, result.ExitCode);
        var failures = result.Lines.Where(l => l.StartsWith("failure", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, failures.Count);
        Assert.Contains(result.Lines, l => l.Contains("weights.bin", StringComparison.Ordinal));
        Assert.Contains("127.0.0.1:1 cannot be reached", failures[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_the_package_that_cannot_be_read_is_a_finding_and_the_brokers_are_looked_at()
    {
        using var held = new FileStream(_package.At("weights.bin"), FileMode.Open, FileAccess.ReadWrite, FileShare.None); // even from root

        var result = await RunAsync("127.0.0.1:1");

        Assert.Equal(1, result.ExitCode);
        var failures = result.Lines.Where(l => l.StartsWith("failure", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, failures.Count);
        Assert.Contains("weights.bin", failures[0], StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:1 cannot be reached", failures[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_that_the_client_refuses_are_a_finding_and_fail_a_run()
    {
        string[] scram = ["--Kafka:Client:security.protocol=sasl_plaintext", "--Kafka:Client:sasl.mechanism=SCRAM-SHA-256"]; // and no user

        var result = await RunAsync("127.0.0.1:1", scram);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(result.Lines, l => l.Contains("the Kafka client refuses its settings", StringComparison.Ordinal));
        var run = await Cli.RunAsync("", ["run", .. Settings("127.0.0.1:1"), .. scram]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("sasl", run.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Brokers_that_do_not_answer_and_a_signal_end_it_soon()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start(); // takes connections, says nothing
        using var process = Cli.Start(["doctor", .. Settings(silent.LocalEndpoint.ToString()!)]);
        while (await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(2)) is { } line)
        {
            if (line.Contains(" http ", StringComparison.Ordinal)) break; // what comes next are the brokers
        }

        var since = Stopwatch.StartNew();
        Cli.Signal(process, "INT");
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));

        Assert.Equal(1, process.ExitCode);
        Assert.True(since.Elapsed < TimeSpan.FromSeconds(20), $"{since.Elapsed}");
    }

    [Fact]
    public async Task A_partition_without_a_leader_is_a_finding_and_holds_nothing_up()
    {
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, 2);
        cluster.MoveLeader("in", 1, -1);

        var result = await RunAsync(cluster.BootstrapServers);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(result.Lines, l => l.StartsWith("failure", StringComparison.Ordinal) && l.Contains("no broker leads partition 1 of 2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Wrong_settings_are_wrong_usage() => Assert.Equal(2, (await RunAsync("localhost:1", "--Kafka:Nothing=1")).ExitCode);

    private Task<CliResult> RunAsync(string bootstrapServers, params string[] more) => Cli.RunAsync("", ["doctor", .. Settings(bootstrapServers), .. more]);

    private string[] Settings(string bootstrapServers) =>
    [
        $"--Kafka:BootstrapServers={bootstrapServers}", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead",
        $"--Model:Path={_package.Folder}", "--Model:Device=cpu", "--Http:Url=http://127.0.0.1:0",
    ];
}
