using System.Globalization;
using System.Text;
using MtlStream.Kafka;

namespace MtlStream.Bench;

/// <summary>The topics of one measurement, with a name of their own; deleted at its end.</summary>
/// <remarks>The embedded broker keeps little of a topic: there each run has a topic of its own, which is filled as it is read.</remarks>
internal sealed class BenchTopics : IAsyncDisposable
{
    /// <summary>Most events written to the embedded broker and not acknowledged yet.</summary>
    private const int MostAway = 20_000;

    private static readonly TimeSpan s_queueFull = TimeSpan.FromMilliseconds(2);

    private readonly KafkaConfiguration _clients;
    private readonly MockCluster? _embedded;
    private readonly int _partitions;
    private readonly TimeProvider _time;
    private ScratchTopics? _made;
    private long _keys;
    private int _runs;

    private BenchTopics(KafkaConfiguration clients, MockCluster? embedded, int partitions, TimeProvider time)
    {
        _clients = clients;
        _embedded = embedded;
        _partitions = partitions;
        _time = time;
    }

    public static string Prefix { get; } = $"mtlstream-bench-{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>Filled before the measurement, on a real broker.</summary>
    public string Stored { get; } = $"{Prefix}-stored";

    /// <summary>Filled at a steady rate during the measurement.</summary>
    public string Paced { get; } = $"{Prefix}-paced";

    public string Results { get; } = $"{Prefix}-results";
    public string DeadLetters { get; } = $"{Prefix}-rejected";
    public string Copies { get; } = $"{Prefix}-copies";

    /// <exception cref="IOException">The broker cannot be reached, or does not let topics be made.</exception>
    public static async Task<BenchTopics> CreateAsync(KafkaConfiguration clients, MockCluster? embedded, int partitions, TimeProvider time)
    {
        var topics = new BenchTopics(clients, embedded, partitions, time);
        string[] kept = [topics.Stored, topics.Paced];
        string[] passing = [topics.Results, topics.DeadLetters, topics.Copies];
        if (embedded is null)
        {
            topics._made = await ScratchTopics.CreateAsync(clients, kept, passing, partitions);
            return topics;
        }

        foreach (var topic in kept.Concat(passing)) embedded.CreateTopic(topic, partitions);
        return topics;
    }

    /// <summary>Writes what all runs read, where the broker can hold it.</summary>
    public Task StoreAsync(IReadOnlyList<byte[]> events, long count, CancellationToken stopping) =>
        _embedded is null ? FillAsync(Stored, events, count, null, stopping) : Task.CompletedTask;

    /// <summary>The topic that a run over <paramref name="count"/> events is to read.</summary>
    /// <returns>Its name, and what fills it while the run acknowledges events: nothing when it is full already.</returns>
    public (string Topic, Func<RateMeter, Task> Fill) ForRun(IReadOnlyList<byte[]> events, long count, CancellationToken stopping)
    {
        if (_embedded is null) return (Stored, _ => Task.CompletedTask);
        var topic = $"{Stored}-{++_runs}";
        _embedded.CreateTopic(topic, _partitions);
        return (topic, acknowledged => Task.Run(() => FillAsync(topic, events, count, acknowledged, stopping), stopping));
    }

    /// <summary>A writer with the worker's client settings, but without transactions.</summary>
    public EventWriter Writer(int lingerMs) => new(_clients, lingerMs);

    /// <summary>Writes events, each with a key of its own; returns when the broker has them all.</summary>
    /// <param name="writer">One that is there already: events are as old as their call, and a new one first connects.</param>
    /// <param name="rate">Events per second; 0 for as fast as it goes.</param>
    /// <param name="acknowledged">What is acknowledged of them, where no more than some may be on the way.</param>
    /// <exception cref="IOException">Some of them could not be written.</exception>
    public async Task FillAsync(
        EventWriter writer, string topic, IEnumerable<byte[]> events, double rate, RateMeter? acknowledged, CancellationToken stopping)
    {
        var started = _time.GetTimestamp();
        var sent = 0L;
        foreach (var payload in events)
        {
            if (rate > 0) await UntilAsync(started, TimeSpan.FromSeconds(sent / rate), stopping);
            while (acknowledged is not null && sent - acknowledged.Count >= MostAway) await Task.Delay(s_queueFull, _time, stopping);
            var key = Encoding.UTF8.GetBytes((_keys++).ToString(CultureInfo.InvariantCulture));
            while (!writer.TryWrite(topic, key, payload)) await Task.Delay(s_queueFull, _time, stopping);
            sent++;
        }

        writer.Flush(stopping);
        if (writer.Failed > 0) throw new IOException($"{writer.Failed} of {sent} events could not be written to {topic}.");
    }

    public ValueTask DisposeAsync() => _made?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task UntilAsync(long started, TimeSpan due, CancellationToken stopping)
    {
        var early = due - _time.GetElapsedTime(started);
        if (early.TotalMilliseconds >= 1) await Task.Delay(early, _time, stopping);
    }

    private async Task FillAsync(string topic, IReadOnlyList<byte[]> events, long count, RateMeter? acknowledged, CancellationToken stopping)
    {
        using var writer = Writer(lingerMs: 20);
        await FillAsync(writer, topic, events.Range(0, count), 0, acknowledged, stopping);
    }
}
