using System.Diagnostics;
using System.Text.Json;
using Confluent.Kafka;
using MtlStream.Kafka;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

/// <summary>What the program is given to run in changes nothing of what it does.</summary>
public sealed class SurroundingsTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task However_many_processors_it_has_results_are_the_same()
    {
        var found = new List<string>();
        foreach (var processors in new[] { 1, 2, 5 }) found.Add(await DemoAsync($"DOTNET_PROCESSOR_COUNT={processors}"));

        Assert.StartsWith("40 produced", found[0], StringComparison.Ordinal);
        Assert.Single(found.Distinct());
    }

    [QuarterCoreFact]
    public async Task A_quarter_of_a_core_is_enough_for_the_same_results() => Assert.Equal(
        await DemoAsync(),
        await DemoAsync(QuarterCoreFactAttribute.Command));

    [ReadOnlyRootFact]
    public async Task It_runs_where_nothing_can_be_written_but_the_temporary_folder() => Assert.Equal(
        await DemoAsync("TMPDIR=/dev/shm"),
        await DemoAsync(["TMPDIR=/dev/shm", "HOME=/nonexistent", .. ReadOnlyRootFactAttribute.Command]));

    [Fact]
    public async Task It_goes_on_while_nobody_reads_its_log()
    {
        const int Events = 500;
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, 2);
        using var process = Cli.Start(
            "run", $"--Kafka:BootstrapServers={cluster.BootstrapServers}", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out",
            "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}", "--Model:Device=cpu", "--Http:Url=http://127.0.0.1:0",
            "--Kafka:Client:debug=all", "--Logging:LogLevel:Default=Trace"); // more than a pipe and the queue before it hold
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = cluster.BootstrapServers }).Build();
        for (var i = 0; i < Events; i++) producer.Produce("in", new() { Key = $"{i}", Value = $$"""{"text": "cat {{i}}"}""" });
        Assert.Equal(0, producer.Flush(s_patience));

        Assert.Equal(Events, Read(cluster.BootstrapServers, Events));

        Cli.Signal(process, "TERM");
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.Equal(0, process.ExitCode);
    }

    private static int Read(string brokers, int count)
    {
        using var consumer = new ConsumerBuilder<string, string>(
            new ConsumerConfig { BootstrapServers = brokers, GroupId = "test", AutoOffsetReset = AutoOffsetReset.Earliest }).Build();
        consumer.Assign([new TopicPartitionOffset("out", 0, Offset.Beginning), new TopicPartitionOffset("out", 1, Offset.Beginning)]);
        var keys = new HashSet<string>();
        var started = Stopwatch.StartNew();
        while (keys.Count < count && started.Elapsed < s_patience)
            if (consumer.Consume(TimeSpan.FromSeconds(1)) is { } result) keys.Add(result.Message.Key);
        return keys.Count;
    }

    /// <summary>What a whole run counts, from broker to broker.</summary>
    private async Task<string> DemoAsync(params string[] before)
    {
        using var process = Cli.StartBehind(before, TestCulture.Locale, "demo", "--events", "40", "--json", "--model", _package.Folder, "--device", "cpu");
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync().WaitAsync(s_patience);
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.True(process.ExitCode == 0, await error);
        var report = JsonSerializer.Deserialize<JsonElement>(output.TrimEnd('\n').Split('\n')[^1]);
        return string.Join(", ", new[] { "produced", "enriched", "deadLettered" }.Select(name => $"{report.GetProperty(name).GetInt64()} {name}"));
    }
}
