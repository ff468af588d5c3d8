using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>The reading end of a session with a cluster.</summary>
public sealed class KafkaEventSource : IEventSource
{
    private readonly KafkaSession _session;
    private readonly TopicWatch _topics;

    internal KafkaEventSource(KafkaSession session, TopicWatch topics)
    {
        _session = session;
        _topics = topics;
    }

    /// <summary>Events handed over or about to be, and not acknowledged.</summary>
    internal long InFlightEvents => _session.InFlightEvents;

    /// <summary>Bytes of their keys, payloads and headers.</summary>
    internal long InFlightBytes => _session.InFlightBytes;

    /// <summary>True while reading waits for what is in flight.</summary>
    internal bool Paused => _session.Intake.Paused;

    public Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        _topics.Start();
        return _session.ReceiveAsync(received, stopping);
    }

    public void Acknowledge(SourcePosition position) => _session.Acknowledge(position);

    public ValueTask CompleteAsync(CancellationToken abort) => _session.CompleteAsync(abort);
}
