using System.Diagnostics.Metrics;
using System.Globalization;
using MtlStream.Delivery;

namespace MtlStream.Kafka;

/// <summary>Every instrument about Kafka. Methods say what happened; names and tags stay in here.</summary>
/// <remarks>
/// Per-event figures are plain counters read at collection time. Standard names follow OpenTelemetry's messaging conventions
/// (https://opentelemetry.io/docs/specs/semconv/messaging/); dashboards rely on all of them: add, never rename. Counters whose
/// attributes are known begin at zero: an alert would miss what a series begins with.
/// </remarks>
public sealed class KafkaMetrics
{
    public const string MeterName = "MtlStream.Kafka";

    private static readonly KeyValuePair<string, object?> s_system = new("messaging.system", "kafka");
    private static readonly double[] s_seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly Counter<long> _consumed;
    private readonly Counter<long> _sent;
    private readonly Histogram<double> _operation;
    private readonly Counter<long> _commits;
    private readonly Counter<long> _rebalances;
    private readonly Counter<double> _paused;
    private readonly Counter<long> _pauses;
    private readonly Counter<long> _rewinds;
    private readonly Counter<long> _gone;
    private readonly Counter<long> _rebuilds;
    private readonly Meter _meter;
    private AssignmentTable? _table;
    private volatile IReadOnlyList<PartitionLag> _lags = [];

    public KafkaMetrics(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _meter = meters.Create(MeterName);
        _consumed = _meter.CreateCounter<long>("messaging.client.consumed.messages", "{message}", "Messages read.");
        _sent = _meter.CreateCounter<long>("messaging.client.sent.messages", "{message}", "Messages whose delivery was reported, failed ones with error.type.");
        _operation = _meter.CreateHistogram("messaging.client.operation.duration", "s", "Time one operation takes.",
            tags: null, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = s_seconds });
        _commits = _meter.CreateCounter<long>("mtlstream.kafka.commits", "{commit}", "Commits of offsets or of transactions, by outcome.");
        _rebalances = _meter.CreateCounter<long>("mtlstream.kafka.rebalances", "{rebalance}", "Partitions assigned, revoked or lost.");
        _paused = _meter.CreateCounter<double>("mtlstream.kafka.paused.time", "s", "Time the consumer was paused because too much was in flight.");
        _pauses = _meter.CreateCounter<long>("mtlstream.kafka.pauses", "{pause}", "Times the consumer was paused.");
        _rewinds = _meter.CreateCounter<long>("mtlstream.kafka.rewinds", "{partition}", "Partitions read again from the committed offset.");
        _gone = _meter.CreateCounter<long>("mtlstream.kafka.events.gone", "{event}", "Events that were deleted before they were read.");
        _rebuilds = _meter.CreateCounter<long>("mtlstream.kafka.client.rebuilds", "{client}", "Clients made anew after a fatal error.");
        _meter.CreateObservableGauge("mtlstream.consumer.lag", MeasureLags, "{event}", "Events of a partition that are not acknowledged yet.");
        _meter.CreateObservableGauge("mtlstream.kafka.in_flight.events", () => _table?.InFlightEvents ?? 0, "{event}", "Events read and not acknowledged.");
        _meter.CreateObservableGauge("mtlstream.kafka.in_flight.size", () => _table?.InFlightBytes ?? 0, "By", "Their keys, payloads and headers.");
        _meter.CreateObservableGauge("mtlstream.kafka.assigned.partitions", () => _table?.CurrentCount ?? 0, "{partition}", "Partitions assigned.");
        BeginAtZero();
    }

    private void BeginAtZero()
    {
        foreach (var outcome in new[] { "committed", "failed", "aborted" }) _commits.Add(0, Outcome(outcome));
        foreach (var kind in new[] { "assigned", "revoked", "lost" }) Rebalanced(kind, 0);
        foreach (var client in new[] { "consumer", "producer" }) _rebuilds.Add(0, Client(client));
        _paused.Add(0);
        _pauses.Add(0);
        _rewinds.Add(0);
    }

    /// <summary>Has the gauges show what is in this table, and the counters of messages begin for the topics of the worker.</summary>
    internal void Observe(AssignmentTable table, KafkaOptions options)
    {
        _table = table;
        foreach (var topic in options.InputTopics) Consumed(topic, options.GroupId, 0);
        foreach (var topic in options.InputTopics) Gone(topic, 0);
        foreach (var topic in options.WrittenTopics) Sent(topic, 0);
    }

    /// <summary>Of the partitions assigned now.</summary>
    internal IReadOnlyList<PartitionLag> Lags
    {
        get => _lags;
        set => _lags = value;
    }

    internal void Consumed(string topic, string group, int count) => _consumed.Add(
        count, s_system, new("messaging.operation.name", "poll"), new("messaging.destination.name", topic), new("messaging.consumer.group.name", group));

    internal void Sent(string topic, long count) =>
        _sent.Add(count, s_system, new("messaging.operation.name", "send"), new("messaging.destination.name", topic));

    internal void SendFailed(string topic, string errorType) =>
        _sent.Add(1, s_system, new("messaging.operation.name", "send"), new("messaging.destination.name", topic), new("error.type", errorType));

    internal void Committed(TimeSpan elapsed, string? errorType = null)
    {
        _commits.Add(1, Outcome(errorType is null ? "committed" : "failed"));
        if (elapsed == TimeSpan.Zero) return; // librdkafka does not say how long its own commits take
        if (errorType is null) _operation.Record(elapsed.TotalSeconds, s_system, new("messaging.operation.name", "commit"));
        else _operation.Record(elapsed.TotalSeconds, s_system, new("messaging.operation.name", "commit"), new("error.type", errorType));
    }

    internal void Aborted() => _commits.Add(1, Outcome("aborted"));

    internal void Rebalanced(string kind, int partitions) =>
        _rebalances.Add(partitions, new KeyValuePair<string, object?>("mtlstream.rebalance", kind));

    internal void PausedFor(TimeSpan time) => _paused.Add(time.TotalSeconds);

    internal void Paused() => _pauses.Add(1);

    internal void Rewound() => _rewinds.Add(1);

    internal void Gone(string topic, long events) => _gone.Add(events, new KeyValuePair<string, object?>("messaging.destination.name", topic));

    internal void Rebuilt(string client) => _rebuilds.Add(1, Client(client));

    private static KeyValuePair<string, object?> Outcome(string outcome) => new("mtlstream.outcome", outcome);

    private static KeyValuePair<string, object?> Client(string client) => new("mtlstream.client", client);

    private IEnumerable<Measurement<long>> MeasureLags()
    {
        foreach (var (topic, partition, lag) in _lags)
        {
            // A string, as the conventions have it and as it is on spans.
            yield return new(
                lag, new("messaging.destination.name", topic),
                new("messaging.destination.partition.id", partition.ToString(CultureInfo.InvariantCulture)));
        }
    }
}
