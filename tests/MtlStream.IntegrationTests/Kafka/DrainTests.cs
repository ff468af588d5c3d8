using System.Text.Json;
using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>A worker's own process that is stopped while the brokers do not let it finish.</summary>
public sealed class DrainTests : IDisposable
{
    private const int Events = 2000;
    private static readonly TimeSpan s_never = TimeSpan.FromHours(1); // until an answer comes

    private readonly MockCluster _cluster = new();
    private readonly Topics _topics;

    public DrainTests()
    {
        _topics = new(_cluster.BootstrapServers);
        foreach (var topic in new[] { "in", "out", "dead" }) _cluster.CreateTopic(topic, 1);
        for (var i = 0; i < Events; i++) _topics.Write(new("in", 0), new() { Value = Topics.Bytes($"{{\"id\":{i},\"text\":\"event {i}\"}}") });
        _topics.Flush();
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    [Fact]
    public async Task What_cannot_be_published_in_time_is_given_up_with_1_and_delivered_by_the_next_worker()
    {
        _cluster.FailNext(MockRequest.Produce, [.. Enumerable.Repeat(ErrorCode.NotEnoughReplicas, 10_000)]); // tried again for ever
        using (var worker = Start(("Kafka:MaxInFlightEvents", "500"), ("Logging:LogLevel:MtlStream.Kafka", "Debug")))
        {
            await Wait.Until(() => worker.Log.Contains("Paused ", StringComparison.Ordinal), log: () => worker.Log);
            _cluster.TakeDown();
            await AssertGivenUpAsync(worker);
        }

        Assert.True(Assert.Single(_topics.Committed("drain", "in", 1)) <= 0);
        using var next = Start();
        await Wait.Until(() => _topics.Committed("drain", "in", 1)[0] == Events, log: () => next.Log);
        AssertAllPublished();
    }

    [Fact]
    public async Task A_transaction_that_cannot_be_committed_in_time_is_given_up_with_1()
    {
        using var worker = Start(
            ("Delivery:Guarantee", "ExactlyOnce"), ("Delivery:CommitInterval", "00:01:00"), ("Kafka:Producer:transaction.timeout.ms", "100000"),
            ("Kafka:Consumer:session.timeout.ms", "120000"));
        await Wait.Until(() => _topics.ReadAll("out").Count > 0, log: () => worker.Log); // this cluster shows what is not committed
        _cluster.SetRoundTripTime(s_never);
        await AssertGivenUpAsync(worker);
    }

    [Fact]
    public async Task Offsets_that_cannot_be_committed_in_time_end_with_1_although_every_event_was_published()
    {
        using (var worker = Start(("Delivery:CommitInterval", "00:01:00")))
        {
            await Wait.Until(() => _topics.ReadAll("out").Count == Events, log: () => worker.Log);
            _cluster.SetRoundTripTime(s_never);
            await AssertGivenUpAsync(worker);
        }

        using var next = Start();
        await Wait.Until(() => _topics.Committed("drain", "in", 1)[0] == Events, log: () => next.Log);
        AssertAllPublished();
    }

    /// <summary>Joining is waited for before leaving, but not for as long as the stop may take.</summary>
    [Fact]
    public async Task A_stop_while_the_worker_is_not_let_into_its_group_ends_with_0()
    {
        _cluster.FailNext(MockRequest.JoinGroup, [.. Enumerable.Repeat(ErrorCode.GroupLoadInProgress, 10_000)]); // tried again for ever
        using var worker = Start();
        await Wait.Until(() => worker.Log.Contains("Reading in ", StringComparison.Ordinal), log: () => worker.Log);

        await worker.StopAsync();
    }

    [Fact]
    public async Task Brokers_that_are_down_hold_up_no_stop_of_a_worker_that_has_committed_all()
    {
        using var worker = Start(("Delivery:DrainTimeout", "00:01:00"));
        await Wait.Until(() => _topics.Committed("drain", "in", 1)[0] == Events, log: () => worker.Log);
        _cluster.TakeDown();
        await Wait.Until(() => !worker.IsReady(), log: () => worker.Log);

        worker.SendTerminate();

        Assert.True(await worker.EndedAsync(TimeSpan.FromSeconds(45)) == 0, worker.Log); // before its time is over
    }

    /// <summary>Stops a worker that cannot finish, and mends the brokers when it has ended.</summary>
    private async Task AssertGivenUpAsync(WorkerProcess worker)
    {
        worker.SendTerminate();
        Assert.True(await worker.EndedAsync() == 1, worker.Log);
        Assert.Contains("Draining took longer than 00:00:02", worker.Log, StringComparison.Ordinal);
        _cluster.StopFailing(MockRequest.Produce);
        _cluster.SetRoundTripTime(TimeSpan.Zero);
        _cluster.BringUp();
    }

    private void AssertAllPublished() => Assert.Equal(Enumerable.Range(0, Events), _topics.ReadAll("out").Select(IdOf).Distinct().Order());

    private static int IdOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        using var json = JsonDocument.Parse(result.Message.Value!);
        return json.RootElement.GetProperty("id").GetInt32();
    }

    private WorkerProcess Start(params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = _cluster.BootstrapServers,
            ["Kafka:GroupId"] = "drain",
            ["Kafka:InputTopics:0"] = "in",
            ["Kafka:OutputTopic"] = "out",
            ["Kafka:DeadLetterTopic"] = "dead",
            ["Kafka:Consumer:session.timeout.ms"] = "6000", // a worker that could not leave is missed soon
            ["Delivery:DrainTimeout"] = "00:00:02",
        };
        foreach (var (key, value) in more) settings[key] = value;
        return WorkerProcess.Start(settings);
    }
}
