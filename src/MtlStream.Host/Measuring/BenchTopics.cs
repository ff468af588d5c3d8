using System.Globalization;
using System.Text;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Host.Measuring;

/// <summary>The topics of one measurement, with a name of their own; deleted at its end.</summary>
/// <remarks>The embedded broker keeps little of a topic: there each run has a topic of its own, which is filled as it is read.</remarks>
internal sealed class BenchTopics : IAsyncDisposable
{
    /// <summary>Most events written to the embedded broker and not acknowledged yet.</summary>
    private const int MostAway = 20_000;

    private static readonly TimeSpan s_queueFull = TimeSpan.FromMilliseconds(2);

    private readonly KafkaConfiguration _clients;
    private readonly IAdminClient _admin;
    private readonly MockCluster? _embedded;
    private readonly int _partitions;
    private readonly TimeProvider _time;
    private long _keys;
    private int _runs;

    private BenchTopics(KafkaConfiguration clients, IAdminClient admin, MockCluster? embedded, int partitions, TimeProvider time) =>
        (_clients, _admin, _embedded, _partitions, _time) = (clients, admin, embedded, partitions, time);

    public static string Prefix { get; } = $"mtlstream-bench-{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>Filled before the measurement, on a real broker.</summary>
    public string Stored { get; } = $"{Prefix}-stored";

    /// <summary>Filled at a steady rate during the measurement.</summary>
    public string Paced { get; } = $"{Prefix}-paced";

    public string Results { get; } = $"{Prefix}-results";
    public string DeadLetters { get; } = $"{Prefix}-rejected";
    public string Copies { get; } = $"{Prefix}-copies";

    private string[] All => [Stored, Paced, Results, DeadLetters, Copies];

    /// <exception cref="IOException">The broker cannot be reached, or does not let topics be made.</exception>
    public static async Task<BenchTopics> CreateAsync(KafkaConfiguration clients, MockCluster? embedded, int partitions, TimeProvider time)
    {
        var admin = new AdminClientBuilder(clients.Admin).SetLogHandler((_, _) => { }).Build();
        var topics = new BenchTopics(clients, admin, embedded, partitions, time);
        if (embedded is not null)
        {
            foreach (var topic in topics.All) embedded.CreateTopic(topic, partitions);
            return topics;
        }

        try
        {
            // What is written is never read: the broker need not keep much of it.
            var small = new Dictionary<string, string> { ["retention.bytes"] = "67108864", ["segment.bytes"] = "33554432" };
            await admin.CreateTopicsAsync(
                topics.All.Select(t => new TopicSpecification
                {
                    Name = t,
                    NumPartitions = partitions,
                    ReplicationFactor = -1,
                    Configs = t == topics.Stored || t == topics.Paced ? null : small,
                }),
                new() { RequestTimeout = TimeSpan.FromSeconds(20), OperationTimeout = TimeSpan.FromSeconds(20) });
            return topics;
        }
        catch (KafkaException exception)
        {
            await topics.DisposeAsync();
            var reason = exception is CreateTopicsException create ? create.Results.First(r => r.Error.IsError).Error.Reason : exception.Error.Reason;
            throw new IOException($"no topics can be made on {clients.Kafka.BootstrapServers}: {reason}", exception);
        }
    }

    /// <summary>Writes what all runs read, where the broker can hold it.</summary>
    public Task StoreAsync(IReadOnlyList<byte[]> events, long count, CancellationToken stopping) =>
        _embedded is null ? FillAsync(Stored, events, 0, count, 0, null, stopping) : Task.CompletedTask;

    /// <summary>The topic that a run over <paramref name="count"/> events is to read.</summary>
    /// <returns>Its name, and what fills it while the run acknowledges events: nothing when it is full already.</returns>
    public (string Topic, Func<RateMeter, Task> Fill) ForRun(IReadOnlyList<byte[]> events, long count, CancellationToken stopping)
    {
        if (_embedded is null) return (Stored, _ => Task.CompletedTask);
        var topic = $"{Stored}-{++_runs}";
        _embedded.CreateTopic(topic, _partitions);
        return (topic, acknowledged => Task.Run(() => FillAsync(topic, events, 0, count, 0, acknowledged, stopping), stopping));
    }

    /// <summary>Writes events, each with a key of its own; returns when the broker has them all.</summary>
    /// <param name="rate">Events per second; 0 for as fast as it goes.</param>
    /// <param name="acknowledged">What is acknowledged of them, where no more than some may be on the way.</param>
    public async Task FillAsync(
        string topic, IReadOnlyList<byte[]> events, long first, long count, double rate, RateMeter? acknowledged, CancellationToken stopping)
    {
        using var producer = Producer(lingerMs: 20);
        await FillAsync(producer, topic, events, first, count, rate, acknowledged, stopping);
    }

    /// <summary>A writer with the worker's client settings, but without transactions.</summary>
    public IProducer<byte[], byte[]> Producer(int lingerMs)
    {
        var properties = new Dictionary<string, string>(_clients.Producer) { ["linger.ms"] = lingerMs.ToString(CultureInfo.InvariantCulture) };
        properties.Remove("transactional.id");
        properties.Remove("transaction.timeout.ms");
        return new ProducerBuilder<byte[], byte[]>(properties).SetLogHandler((_, _) => { }).Build();
    }

    /// <summary>The same by a writer that is there already: events are as old as their call, and a new one first connects.</summary>
    public async Task FillAsync(
        IProducer<byte[], byte[]> producer, string topic, IReadOnlyList<byte[]> events, long first, long count, double rate, RateMeter? acknowledged,
        CancellationToken stopping)
    {
        var failed = 0L;
        var started = _time.GetTimestamp();
        for (long sent = 0; sent < count; sent++)
        {
            if (rate > 0 && TimeSpan.FromSeconds(sent / rate) - _time.GetElapsedTime(started) is { TotalMilliseconds: >= 1 } early) await Task.Delay(early, _time, stopping);
            while (acknowledged is not null && sent - acknowledged.Count >= MostAway) await Task.Delay(s_queueFull, _time, stopping);
            var message = new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes((_keys++).ToString(CultureInfo.InvariantCulture)), Value = events.At(first + sent) };
            while (true)
            {
                try
                {
                    producer.Produce(topic, message, report =>
                    {
                        if (report.Error.IsError) Interlocked.Increment(ref failed);
                    });
                    break;
                }
                catch (ProduceException<byte[], byte[]> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
                {
                    await Task.Delay(s_queueFull, _time, stopping);
                }
            }
        }

        while (producer.Flush(TimeSpan.FromMilliseconds(200)) > 0) stopping.ThrowIfCancellationRequested();
        if (failed > 0) throw new IOException($"{failed} of {count} events could not be written to {topic}.");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_embedded is null) await _admin.DeleteTopicsAsync(All);
        }
        catch (KafkaException)
        {
            // not made, or not ours to delete: they are left behind, their names say what they are
        }

        _admin.Dispose();
    }
}
