using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>How the worker's own process ends.</summary>
public sealed class SignalTests : IDisposable
{
    private const int Events = 20_000;

    private readonly MockCluster _cluster = new();
    private readonly Topics _topics;

    public SignalTests()
    {
        _topics = new(_cluster.BootstrapServers);
        foreach (var topic in new[] { "in", "out", "dead" }) _cluster.CreateTopic(topic, 1);
        for (var i = 0; i < Events; i++) _topics.Write(new("in", 0), new() { Value = Topics.Bytes($"{{\"text\": \"cat {i}\"}}") });
        _topics.Flush();
        _cluster.SetRoundTripTime(TimeSpan.FromMilliseconds(200)); // so that the work takes a while
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_signal_amid_the_work_acknowledges_what_was_received_and_ends_with_0(bool hangUp)
    {
        using var worker = Start();
        await Wait.Until(() => _topics.ReadAll("out").Count > 0, log: () => worker.Log);
        if (hangUp) worker.SendHangUp();
        else worker.SendTerminate();

        Assert.Equal(0, await worker.EndedAsync());
        // The first ones may be gone: this cluster keeps some MB.
        Assert.Equal(_topics.ReadAll("out")[^1].Offset.Value + 1, Assert.Single(_topics.Committed("signals", "in", 1)));
    }

    [Fact]
    public async Task A_second_signal_while_a_drain_cannot_end_ends_with_1()
    {
        using var worker = Start(("Delivery:DrainTimeout", "00:10:00"));
        await Wait.Until(() => _topics.ReadAll("out").Count > 0, log: () => worker.Log);
        _cluster.TakeDown(); // what is in flight cannot be published
        worker.SendTerminate();
        await Wait.Until(() => worker.Log.Contains("Stop requested", StringComparison.Ordinal), log: () => worker.Log);
        Assert.False(worker.HasExited);

        // Signals that come within a second of the first are the same one.
        await Wait.Until(() => Signalled(worker), log: () => worker.Log);
        Assert.Equal(1, await worker.EndedAsync());
        Assert.Contains("second signal", worker.Log, StringComparison.Ordinal);
    }

    private static bool Signalled(WorkerProcess worker)
    {
        worker.SendTerminate();
        return worker.HasExited;
    }

    private WorkerProcess Start(params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = _cluster.BootstrapServers,
            ["Kafka:GroupId"] = "signals",
            ["Kafka:InputTopics:0"] = "in",
            ["Kafka:OutputTopic"] = "out",
            ["Kafka:DeadLetterTopic"] = "dead",
            ["Model:Device"] = "cpu",
            ["Kafka:MaxInFlightEvents"] = "500",
        };
        foreach (var (key, value) in more) settings[key] = value;
        return WorkerProcess.Start(settings, WorkerProcess.ToyModel);
    }
}
