using Confluent.Kafka;
using MtlStream.Host.Configuration;
using MtlStream.Host.Diagnosis;
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
    public async Task Brokers_that_go_away_while_topics_are_looked_at_are_a_finding()
    {
        var settings = AppSettings.From(SettingsReader.Read(null, new System.Collections.Hashtable(), Settings("127.0.0.1:1")));
        using var admin = new AdminClientBuilder(settings.KafkaClients.Admin).SetLogHandler((_, _) => { }).Build();

        var findings = await KafkaDiagnosis.TopicsAsync(admin, settings, CancellationToken.None).ToListAsync();

        var finding = Assert.Single(findings);
        Assert.Equal(Severity.Failure, finding.Severity);
        Assert.StartsWith("the topics cannot be looked at: ", finding.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("out", "Larger results become dead letters")]
    [InlineData("doubtful", "Copies of larger results are left out")]
    [InlineData("dead", "one that cannot be written stops the worker")]
    public void What_a_topic_of_small_messages_costs_is_said(string topic, string said)
    {
        var settings = AppSettings.From(SettingsReader.Read(
            null, new System.Collections.Hashtable(), [.. Settings("127.0.0.1:1"), "--Kafka:ReviewTopic=doubtful"]));

        Assert.Contains(said, KafkaDiagnosis.Size(topic, 1000, 1000, settings)!.Remedy, StringComparison.Ordinal);
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
