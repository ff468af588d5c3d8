using Microsoft.Extensions.Logging;

namespace MtlStream.Kafka;

/// <summary>One worker's source and sink, which share what is in flight. Dispose it after the pipeline has ended.</summary>
public sealed class KafkaConnection : IAsyncDisposable
{
    private readonly TopicWatch _topics;

    public KafkaConnection(
        KafkaConfiguration configuration, KafkaStatus status, KafkaMetrics metrics, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        var logger = loggers.CreateLogger("MtlStream.Kafka");
        var table = new AssignmentTable(configuration.ExactlyOnce);
        metrics.Observe(table, configuration.Kafka);
        _topics = new(configuration, status, time, logger);
        Sink = new(configuration, table, _topics, metrics, time, logger);
        Source = new(configuration, table, _topics, Sink, status, metrics, time, logger);
    }

    public KafkaEventSource Source { get; }

    public KafkaOutboundSink Sink { get; }

    /// <summary>Leaves the group and ends the clients. What is not acknowledged is delivered again.</summary>
    public async ValueTask DisposeAsync()
    {
        var topics = _topics.DisposeAsync(); // at the same time: brokers that do not answer hold up both
        await Source.DisposeAsync();
        await topics;
    }
}
