using System.Diagnostics.Metrics;
using System.Diagnostics;
using System.Numerics;
using MtlStream.Batching;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Models;

namespace MtlStream;

/// <summary>Every instrument of the pipeline. Methods say what happened; names and tags stay in here.</summary>
/// <remarks>
/// Recorded once per chunk or batch where possible. Dashboards rely on the names: add, never rename. Counters begin at zero with every
/// value of an attribute that they can have: in Prometheus a series that begins with 1 has not increased, and an alert would miss the first.
/// </remarks>
public sealed class PipelineMetrics
{
    private static readonly double[] s_seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private static readonly KeyValuePair<string, object?> s_passed = new("mtlstream.outcome", "passed");
    private static readonly KeyValuePair<string, object?> s_dropped = new("mtlstream.outcome", "dropped");

    private readonly Meter _meter;
    private readonly Histogram<double> _stageDuration;
    private readonly Histogram<double> _inferenceDuration;
    private readonly Histogram<int> _batchSequences;
    private readonly Histogram<int> _batchTokens;
    private readonly Histogram<double> _batchPadding;
    private readonly Histogram<double> _eventLatency;
    private readonly Counter<long> _batchesSplit;
    private readonly Counter<long> _published;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _truncated;
    private readonly Counter<long> _withoutText;
    private readonly Counter<long> _silent;
    private readonly Histogram<double> _processDuration;
    private readonly MessagingNames _names;
    private IReadOnlyList<(string Name, Func<int> Length, int Capacity)> _channels = []; // of the run that began last
    private Func<ModelIdentity>? _serving;
    private long _waiting;

    /// <param name="names">What the two ends are called; events from files or memory when null.</param>
    public PipelineMetrics(IMeterFactory meters, MessagingNames? names = null)
    {
        _names = names ?? MessagingNames.InProcess;
        _meter = meters.Create(Instrumentation.Name);
        _stageDuration = Seconds("mtlstream.stage.duration", "Time one chunk or batch spends being worked on in a stage.");
        _inferenceDuration = Seconds("mtlstream.inference.duration", "Time one batch spends in the model.");
        _eventLatency = Seconds("mtlstream.event.latency", "From the event's own timestamp to its durable result.");
        _processDuration = Seconds("messaging.process.duration", "From receiving an event to its durable result or dead letter.");
        _batchSequences = _meter.CreateHistogram<int>("mtlstream.batch.rows", "{row}", "Sequences in one batch.",
            advice: new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });
        _batchTokens = _meter.CreateHistogram<int>("mtlstream.batch.tokens", "{token}", "Tokens in one batch, padding left out.",
            advice: new() { HistogramBucketBoundaries = [16, 64, 256, 1024, 4096, 16384, 65536] });
        _batchPadding = _meter.CreateHistogram<double>("mtlstream.batch.padding", "1", "Share of what the device computed for a batch that is padding.",
            advice: new() { HistogramBucketBoundaries = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8] });
        _batchesSplit = _meter.CreateCounter<long>("mtlstream.batches.split", "{batch}", "Batches that the model refused and that were split.");
        _published = _meter.CreateCounter<long>("mtlstream.events.published", "{event}", "Events whose result or tombstone is durable.");
        _rejected = _meter.CreateCounter<long>("mtlstream.events.rejected", "{event}", "Events whose dead letter is durable.");
        _truncated = _meter.CreateCounter<long>("mtlstream.events.truncated", "{event}", "Events whose text was longer than is analysed.");
        _meter.CreateObservableGauge("mtlstream.events.waiting", () => Interlocked.Read(ref _waiting), "{event}", "Events that wait for something outside before they can be read.");
        _withoutText = _meter.CreateCounter<long>("mtlstream.events.without_text", "{event}", "Events without a text that were passed on or dropped.");
        _meter.CreateObservableGauge("mtlstream.lane.length", () => _channels.Select(c => Channel(c.Length(), c.Name)), "{item}", "Items waiting in a channel.");
        _meter.CreateObservableGauge("mtlstream.lane.capacity", () => _channels.Select(c => Channel(c.Capacity, c.Name)), "{item}", "Items a channel holds at most.");
        _meter.CreateObservableGauge("mtlstream.model.serving", Serving, "{model}", "1 for the model and the device that serve.");
        _silent = _meter.CreateCounter<long>("mtlstream.events.silent", "{event}", "Events about which tasks said nothing because they do not know the language.");
        foreach (var outcome in new[] { s_passed, s_dropped }) _withoutText.Add(0, outcome);
        foreach (var counter in new[] { _batchesSplit, _published, _truncated, _silent }) counter.Add(0);
        foreach (var reason in Enum.GetValues<RejectionReason>()) _rejected.Add(0, ErrorType(Tag(reason)));
    }

    /// <summary>Length and capacity of each channel between the stages of the run that begins, and the model that serves at the time of observing.</summary>
    /// <remarks>In place of what an earlier run observed: instruments that are made again would be counted twice.</remarks>
    public void Observe(IReadOnlyList<(string Name, Func<int> Length, int Capacity)> channels, Func<ModelIdentity> serving)
    {
        Volatile.Write(ref _channels, channels);
        Volatile.Write(ref _serving, serving);
    }

    /// <summary>What the two ends of the pipeline are called.</summary>
    internal MessagingNames Names => _names;

    public void StageWorked(string stage, TimeSpan elapsed) =>
        _stageDuration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("mtlstream.stage", stage));

    public void BatchScored(TokenBatch batch, Predictions predictions, TimeSpan elapsed)
    {
        _batchSequences.Record(batch.Sequences.Count, new KeyValuePair<string, object?>("mtlstream.batch.trigger", Tag(batch.Trigger)));
        _batchTokens.Record(batch.Tokens);
        if (predictions.Computed > 0) _batchPadding.Record(predictions.Padding / (double)predictions.Computed);
        _inferenceDuration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("mtlstream.batch.columns", Bucket(batch.PaddedLength)));
    }

    public void BatchSplit() => _batchesSplit.Add(1);

    /// <summary>More events wait before they can be read, or fewer.</summary>
    public void EventsWait(int more) => Interlocked.Add(ref _waiting, more);

    /// <summary>An event without a text is finished as <c>Input:WithoutText</c> says.</summary>
    public void EventWithoutText(bool dropped) => _withoutText.Add(1, dropped ? s_dropped : s_passed);

    /// <summary>Tasks were left out of an event's result because they do not know its language.</summary>
    public void TasksSilent() => _silent.Add(1);

    public void EventTruncated() => _truncated.Add(1);

    /// <summary>An event's result or tombstone is durable.</summary>
    /// <param name="timestamp">The event's own, milliseconds since the Unix epoch; negative when it has none.</param>
    public void EventPublished(long timestamp, TimeProvider time)
    {
        _published.Add(1);
        if (timestamp >= 0 && _eventLatency.Enabled) _eventLatency.Record((time.GetUtcNow().ToUnixTimeMilliseconds() - timestamp) / 1000.0);
    }

    /// <summary>An event is answered, whether by a result or by a dead letter.</summary>
    /// <param name="errorType">Why it is a dead letter; null for a result.</param>
    public void EventProcessed(SourceRecord source, TimeProvider time, string? errorType)
    {
        if (errorType is not null) _rejected.Add(1, ErrorType(errorType));
        if (!_processDuration.Enabled) return; // once an event: what nobody reads is not put together
        var tags = new TagList
        {
            { "messaging.system", _names.System },
            { "messaging.operation.name", "process" },
            { "messaging.destination.name", source.Position.Topic },
        };
        if (_names.Group.Length > 0) tags.Add("messaging.consumer.group.name", _names.Group);
        if (errorType is not null) tags.Add("error.type", errorType);
        _processDuration.Record(time.GetElapsedTime(source.ReceivedAt).TotalSeconds, tags);
    }

    private Histogram<double> Seconds(string name, string description) =>
        _meter.CreateHistogram<double>(name, "s", description, advice: new() { HistogramBucketBoundaries = s_seconds });

    private static Measurement<int> Channel(int value, string name) => new(value, new KeyValuePair<string, object?>("mtlstream.lane", name));

    private IEnumerable<Measurement<int>> Serving()
    {
        if (_serving?.Invoke() is not { } model) yield break;
        yield return new(1,
            new KeyValuePair<string, object?>("mtlstream.model.device", model.Device),
            new KeyValuePair<string, object?>("mtlstream.model.name", model.Name),
            new KeyValuePair<string, object?>("mtlstream.model.version", model.Version));
    }

    private static KeyValuePair<string, object?> ErrorType(string type) => new("error.type", type);

    // Powers of two keep the tag's values few whatever the device's grid is.
    private static int Bucket(int columns) => (int)BitOperations.RoundUpToPowerOf2((uint)columns);

    internal static string Tag<T>(T value) where T : struct, Enum => SnakeCase.Of(value);
}
