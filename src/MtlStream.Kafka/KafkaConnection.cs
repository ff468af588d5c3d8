using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Kafka.Diagnosis;

namespace MtlStream.Kafka;

/// <summary>One worker's source and sink, which share what is in flight. Dispose it after the pipeline has ended.</summary>
public sealed class KafkaConnection : ITransport
{
    private readonly KafkaConfiguration _configuration;
    private readonly KafkaStatus _status;
    private readonly KafkaMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly TopicWatch _topics;
    private readonly KafkaSession _session;

    public KafkaConnection(
        KafkaConfiguration configuration, KafkaStatus status, KafkaMetrics metrics, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        var logger = loggers.CreateLogger("MtlStream.Kafka");
        _configuration = configuration;
        _status = status;
        _metrics = metrics;
        _time = time;
        var trouble = new ConnectionTrouble(configuration.Admin, time);
        _topics = new(configuration, status, trouble, time, logger, () => ClusterClient.Open(configuration, trouble, logger));
        var context = new SessionContext(configuration, _topics, status, metrics, time, logger);
        metrics.Observe(context.Table, configuration.Kafka);
        _session = new(context, new KafkaClients(context));
        Sink = new(_session);
        Source = new(_session, _topics);
    }

    public KafkaEventSource Source { get; }

    public KafkaOutboundSink Sink { get; }

    IEventSource ITransport.Source => Source;

    IOutboundSink ITransport.Sink => Sink;

    public MessagingNames Names =>
        new("kafka", _configuration.Kafka.GroupId, _configuration.Kafka.OutputTopic, _configuration.Kafka.DeadLetterTopic);

    public string? NotReadyBecause => _status.NotReadyBecause;

    public TimeSpan? LostFor => _status.LostFor(_time, _configuration);

    public IReadOnlyList<PartitionLag> Lags => _metrics.Lags;

    /// <summary>Leaves the group and ends the clients. What is not acknowledged is delivered again.</summary>
    public async ValueTask DisposeAsync()
    {
        var topics = _topics.DisposeAsync(); // at the same time: brokers that do not answer hold up both
        await _session.DisposeAsync();
        await topics;
    }
}
