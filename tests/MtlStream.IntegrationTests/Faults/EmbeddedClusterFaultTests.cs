using System.Diagnostics.Metrics;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MtlStream.Onnx;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;
using Xunit.Abstractions;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>
/// The whole pipeline in this process, with a model that is slow and fails, on brokers that answer with errors: what a real broker
/// cannot be made to do at will.
/// </summary>
public sealed class EmbeddedClusterFaultTests(ITestOutputHelper output) : IDisposable
{
    private const int Partitions = 4;
    private const int Events = 8000;
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(20);

    // No rebalances: librdkafka's mock group coordinator does not survive a member that joins twice. As a full or broken disk, lost replicas, and a coordinator that moves make a broker answer.
    private static readonly (MockRequest Request, ErrorCode Error)[] s_errors =
    [
        (MockRequest.Produce, ErrorCode.KafkaStorageError), (MockRequest.Produce, ErrorCode.NotEnoughReplicas),
        (MockRequest.Produce, ErrorCode.NotEnoughReplicasAfterAppend), (MockRequest.Produce, ErrorCode.RequestTimedOut),
        (MockRequest.Produce, ErrorCode.NotLeaderForPartition), (MockRequest.Fetch, ErrorCode.KafkaStorageError), (MockRequest.Fetch, ErrorCode.NotLeaderForPartition),
        (MockRequest.OffsetCommit, ErrorCode.NotCoordinatorForGroup), (MockRequest.OffsetCommit, ErrorCode.GroupLoadInProgress),
    ];

    private readonly MockCluster _cluster = new(brokers: 3);
    private readonly CancellationTokenSource _stopFirst = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public void Dispose()
    {
        _cluster.Dispose();
        _services.Dispose();
        _stopFirst.Dispose();
    }

    /// <param name="givenUp">Also with errors after which the client gives a message up, so that it comes again behind later ones.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Broker_errors_outages_and_a_failing_model_lose_and_alter_nothing(bool givenUp)
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        TestLog.Begin();
        foreach (var topic in new[] { "input", "output", "letters" }) _cluster.CreateTopic(topic, Partitions, 3);
        using var stopping = new CancellationTokenSource();
        await NumberedEvents.WriteAsync(_cluster.BootstrapServers, "input", Partitions, Events, TimeSpan.Zero, CancellationToken.None);

        var errors = givenUp ? [.. s_errors, (MockRequest.Produce, ErrorCode.LogDirNotFound)] : s_errors;
        await InjectAsync(new(seed), errors, Task.Run(() => WorkAsync(seed, stopping.Token)));
        using var topics = new Topics(_cluster.BootstrapServers);
        var working = Task.Run(() => WorkAsync(seed + 1, stopping.Token));
        await Wait.Until(
            () => working.IsCompleted || topics.Committed("g", "input", Partitions).Sum() >= Events, TimeSpan.FromMinutes(4),
            () => $"committed: {string.Join(", ", topics.Committed("g", "input", Partitions))}\n{TestLog.Newest}");
        await stopping.CancelAsync();
        await working;

        var account = NumberedEvents.Verify(_cluster.BootstrapServers, "output", "letters", Events, modelRefuses: true);
        output.WriteLine($"{account.Messages} messages, {account.Duplicated} numbers more than once");
        Assert.True(account is { Lost: 0, Altered: 0 } && (givenUp || account.Reordered == 0),
            $"Seed {seed}: lost {account.Lost} ({string.Join(", ", account.FirstLost)}), altered {account.Altered}, reordered {account.Reordered}\n{TestLog.Newest}");
    }

    /// <summary>Faults for a while; then the worker is stopped in the middle of it.</summary>
    private async Task InjectAsync(Random random, (MockRequest Request, ErrorCode Error)[] errors, Task working)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(started) < s_time && !working.IsCompleted)
        {
            await Task.Delay(random.Next(50, 600));
            switch (random.Next(8))
            {
                case 0:
                    var broker = random.Next(1, 4);
                    _cluster.TakeDown(broker);
                    await Task.Delay(random.Next(100, 2000));
                    _cluster.BringUp(broker);
                    break;
                case 1:
                    _cluster.SetRoundTripTime(TimeSpan.FromMilliseconds(random.Next(0, 300)), random.Next(1, 4));
                    break;
                case 2:
                    _cluster.MoveLeader(random.Next(2) == 0 ? "input" : "output", random.Next(Partitions), random.Next(1, 4));
                    break;
                default:
                    var (request, error) = errors[random.Next(errors.Length)];
                    _cluster.FailNext(request, [.. Enumerable.Repeat(error, random.Next(1, 6))]);
                    break;
            }
        }

        _cluster.SetRoundTripTime(TimeSpan.Zero);
        foreach (var (request, _) in s_errors) _cluster.StopFailing(request);
        _stopFirst.Cancel();
        await working;
    }

    private async Task WorkAsync(int seed, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, _stopFirst.Token);
        var second = _stopFirst.IsCancellationRequested;
        using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(new TestLog()));
        var meters = _services.GetRequiredService<IMeterFactory>();
        var assembly = new PipelineAssembly(loggers, meters, TimeProvider.System);
        using var loaded = new ModelLoader(loggers, meters).Load(new() { Path = WorkerProcess.ToyModel, ConstantLabels = true }, new());
        var chaotic = loaded with { Model = new ChaosModel(loaded.Model, seed) };
        // Thousands of events may be in flight when the stop comes, and this model takes its time.
        var delivery = new DeliveryOptions { CommitInterval = TimeSpan.FromMilliseconds(100), DrainTimeout = TimeSpan.FromMinutes(2) };
        var options = new KafkaOptions
        {
            BootstrapServers = _cluster.BootstrapServers,
            GroupId = "g",
            InputTopics = ["input"],
            OutputTopic = "output",
            DeadLetterTopic = "letters",
            Consumer = new Dictionary<string, string> { ["session.timeout.ms"] = "3000" },
            // These brokers do not check sequence numbers outside transactions, on which several requests in flight rely.
            Producer = new Dictionary<string, string> { ["max.in.flight"] = "1" },
        };
        await using var kafka = new KafkaConnection(new(options, delivery), new(), new(assembly.Meters), TimeProvider.System, loggers);
        await assembly.Pipeline(chaotic, kafka, new InputOptions(), new OutputOptions(), new(new(), new BatchingOptions(), delivery))
            .RunAsync(second ? stopping : either.Token);
    }
}
