using System.Diagnostics;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Partitions whose only broker is gone.</summary>
[Collection(Alone.Name)]
public sealed class LostBrokerTests : IDisposable
{
    private const int Lost = 3;

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(15); // it took 30 while a call was waited for

    private readonly RealKafka _kafka = null!;
    private readonly Topics _topics = null!;
    private readonly Dictionary<string, string> _settings = null!;

    public LostBrokerTests()
    {
        if (RealKafka.WhyNone() is not null) return; // every test is skipped
        _kafka = RealKafka.Start(nodes: 3);
        _topics = new(_kafka.BootstrapServers);
        _topics.CreateOnEach(["in", "out", "dead"], brokers: 3);
        _settings = new()
        {
            ["Kafka:BootstrapServers"] = _kafka.BootstrapServers,
            ["Kafka:GroupId"] = "group",
            ["Kafka:InputTopics:0"] = "in",
            ["Kafka:OutputTopic"] = "out",
            ["Kafka:DeadLetterTopic"] = "dead",
        };
    }

    public void Dispose()
    {
        _topics?.Dispose();
        _kafka?.Dispose();
    }

    [RealKafkaFact]
    public async Task A_worker_started_without_one_reads_the_others_says_so_and_goes_on_when_it_is_back()
    {
        Write(0, 3);
        await LoseOneAsync();
        using var worker = WorkerProcess.Start(_settings);

        await Wait.Until(() => Committed(0) == 3 && Committed(1) == 3, log: () => worker.Log);
        await Wait.Until(() => worker.Log.Contains("Partitions without a leader: ", StringComparison.Ordinal), log: () => worker.Log);
        Assert.False(worker.IsReady());
        _kafka.Command("restart", $"{Lost}");
        await Wait.Until(worker.IsReady, log: () => worker.Log);
        await Wait.Until(() => Committed(Lost - 1) == 3, log: () => worker.Log);

        worker.SendTerminate();
        Assert.True(await worker.EndedAsync(s_soon) == 0, worker.Log);
    }

    [RealKafkaFact]
    public async Task A_worker_that_loses_one_is_not_ready_and_stops_at_once_with_0()
    {
        using var worker = WorkerProcess.Start(_settings);
        await Wait.Until(worker.IsReady, log: () => worker.Log);
        await LoseOneAsync();
        await Wait.Until(() => !worker.IsReady(), log: () => worker.Log);
        Write(0, 2, but: Lost - 1);
        await Wait.Until(() => Committed(0) == 2 && Committed(1) == 2, log: () => worker.Log);

        var since = Stopwatch.StartNew();
        worker.SendTerminate();

        Assert.True(await worker.EndedAsync(s_soon) == 0, worker.Log);
        Assert.True(since.Elapsed < s_soon);
    }

    private async Task LoseOneAsync()
    {
        _kafka.Command("kill", $"{Lost}");
        await Wait.Until(() => !_topics.HasLeader("in", Lost - 1));
    }

    private void Write(int from, int count, int but = -1)
    {
        foreach (var partition in Enumerable.Range(0, 3).Where(p => p != but))
        {
            for (var i = from; i < from + count; i++)
                _topics.Write(new("in", partition), new() { Value = Topics.Bytes($"{{\"text\":\"event {i}\"}}") });
        }

        _topics.Flush();
    }

    private long Committed(int partition) => _topics.Committed("group", "in", 3)[partition];
}
