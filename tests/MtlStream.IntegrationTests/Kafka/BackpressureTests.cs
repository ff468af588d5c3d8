using System.Diagnostics.Metrics;
using System.Globalization;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MtlStream.Onnx;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Models and brokers that are slower than the input: what is in flight stays bounded, and the group is not left.</summary>
public sealed class BackpressureTests : IDisposable
{
    private const int Partitions = 4;
    private const int MostPerChunk = 128; // what reading may be ahead of the limits

    private readonly MockCluster _cluster = new();
    private readonly Topics _topics;

    public BackpressureTests()
    {
        TestLog.Begin();
        _topics = new(_cluster.BootstrapServers);
        foreach (var topic in new[] { "input", "output", "letters", "another" }) _cluster.CreateTopic(topic, Partitions);
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    [Fact]
    public async Task A_model_that_hangs_for_longer_than_the_poll_interval_costs_one_pause_and_no_assignment()
    {
        const int Events = 30_000, MostInFlight = 25_000; // more than fits into the pipeline's channels
        for (var i = 0; i < Events; i++) _topics.Write(new("input", i % Partitions), new() { Value = Topics.Bytes($"{{\"text\":\"cat {i}\"}}") });
        _topics.Flush();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        using var pauses = new Counted(meters, "mtlstream.kafka.pauses");
        using var pausedTime = new Counted(meters, "mtlstream.kafka.paused.time");
        using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(new TestLog()));
        var assembly = new PipelineAssembly(loggers, meters, TimeProvider.System);
        using var loaded = new ModelLoader(loggers, meters).Load(new() { Path = WorkerProcess.ToyModel, ConstantLabels = true }, new());
        using var model = new HeldModel(loaded.Model);
        using var stopping = new CancellationTokenSource();
        var delivery = new DeliveryOptions { CommitInterval = TimeSpan.FromMilliseconds(100) };
        await using var kafka = new KafkaConnection(new(Options() with { MaxInFlightEvents = MostInFlight }, delivery), new(), new(meters), TimeProvider.System, loggers);
        var started = TimeProvider.System.GetTimestamp();
        var run = assembly
            .Pipeline(loaded with { Model = model }, kafka, new InputOptions(), new OutputOptions(), new(new(), new BatchingOptions(), delivery))
            .RunAsync(stopping.Token);

        await Wait.Until(() => pauses.Sum > 0);
        await AConsumerThatDoesNotPollIsThrownOut();
        await Wait.Until(() => pausedTime.Sum > 0); // and not when the pause is over: it may last
        Assert.Equal(1, pauses.Sum);
        Assert.InRange(kafka.Source.InFlightEvents, MostInFlight, MostInFlight + MostPerChunk);
        model.Release();
        await Wait.Until(() => _topics.Committed("g", "input", Partitions).Sum() == Events);
        await stopping.CancelAsync();
        await run;

        Assert.InRange(pausedTime.Sum, 0, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
        Assert.Equal(Events, _topics.ReadAll("output").Count);
        AssertNeverLeft();
    }

    /// <param name="slow">What is: the model, or the brokers.</param>
    [Theory]
    [InlineData("model")]
    [InlineData("brokers")]
    public async Task However_slow_it_goes_what_is_in_flight_is_bounded_and_reading_does_not_flap(string slow)
    {
        const int Events = 6000, MostInFlight = 800, Size = 1000, MostBytes = 600 * Size;
        for (var i = 0; i < Events; i++)
            _topics.Write(new("input", i % Partitions), new() { Value = Topics.Bytes(i.ToString(CultureInfo.InvariantCulture).PadLeft(Size, '0')) });
        _topics.Flush();
        long mostEvents = 0, mostBytes = 0, answered = 0;
        RelayWorker worker = null!;
        await using var _ = worker = new(
            Options() with { MaxInFlightEvents = MostInFlight, MaxInFlightBytes = MostBytes }, new() { CommitInterval = TimeSpan.FromMilliseconds(100) },
            record =>
            {
                (mostEvents, mostBytes) = (Math.Max(mostEvents, worker.InFlight), Math.Max(mostBytes, worker.InFlightBytes));
                if (slow == "model" && ++answered % 100 == 0) Thread.Sleep(150); // some 600 events a second
                return RelayWorker.PassOn(record);
            });
        if (slow == "brokers") _cluster.SetRoundTripTime(TimeSpan.FromMilliseconds(300));
        worker.Start();

        await Wait.Until(() => worker.Acknowledged == Events, TimeSpan.FromMinutes(4));
        _cluster.SetRoundTripTime(TimeSpan.Zero);
        await worker.StopAsync();

        Assert.InRange(mostBytes, MostBytes / 2, MostBytes + MostPerChunk * Size);
        Assert.InRange(mostEvents, 1, MostInFlight + MostPerChunk);
        Assert.InRange(worker.Pauses, 0, Events / (MostInFlight / 4)); // each is worth at least a quarter of what may be in flight
        Assert.Equal(Enumerable.Range(0, Events), _topics.ReadAll("output").Select(r => int.Parse(Topics.Text(r.Message.Value), CultureInfo.InvariantCulture)).Order());
        AssertNeverLeft();
    }

    private KafkaOptions Options() => new()
    {
        BootstrapServers = _cluster.BootstrapServers,
        GroupId = "g",
        InputTopics = ["input"],
        OutputTopic = "output",
        DeadLetterTopic = "letters",
        Consumer = new Dictionary<string, string>(Impatient),
    };

    private static Dictionary<string, string> Impatient => new() { ["session.timeout.ms"] = "6000", ["max.poll.interval.ms"] = "6000" };

    private static void AssertNeverLeft()
    {
        Assert.DoesNotContain("Lost: ", TestLog.Newest, StringComparison.Ordinal);
        Assert.Single(TestLog.Newest.Split('\n'), l => l.Contains("Assigned: ", StringComparison.Ordinal));
    }

    /// <summary>Waits for as long as a group waits for a member that does not poll, by means of one.</summary>
    private async Task AConsumerThatDoesNotPollIsThrownOut()
    {
        var thrownOut = false;
        var properties = new Dictionary<string, string>(Impatient) { ["bootstrap.servers"] = _cluster.BootstrapServers, ["group.id"] = "another" };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties)
            .SetLogHandler((_, line) => Volatile.Write(ref thrownOut, thrownOut || line.Facility == "MAXPOLL")).Build();
        consumer.Subscribe("another");
        await Wait.Until(() =>
        {
            consumer.Consume(TimeSpan.Zero);
            return consumer.Assignment.Count > 0;
        });
        await Wait.Until(() => Volatile.Read(ref thrownOut));
    }

    private sealed class HeldModel(IMultitaskModel inner) : IMultitaskModel
    {
        private readonly ManualResetEventSlim _released = new();

        public ModelIdentity Identity => inner.Identity;
        public IReadOnlyList<ModelTask> Tasks => inner.Tasks;
        public BatchShape Shape => inner.Shape;
        public int Workers => inner.Workers;

        public void Release() => _released.Set();

        public Predictions Predict(TokenBatch batch, int worker)
        {
            _released.Wait();
            return inner.Predict(batch, worker);
        }

        public void Probe(int worker) => inner.Probe(worker);

        public void Dispose() => _released.Dispose(); // what it holds is its owner's
    }
}
