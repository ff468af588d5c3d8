using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>The writing end of a session with a cluster: at least once behind an idempotent producer, exactly once inside transactions.</summary>
public sealed class KafkaOutboundSink : IOutboundSink
{
    private readonly KafkaSession _session;

    internal KafkaOutboundSink(KafkaSession session) => _session = session;

    /// <summary>Transactions committed so far.</summary>
    internal long Commits => _session.Commits;

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort) =>
        _session.PublishAsync(record, reported, abort);

    public Task FlushAsync(CancellationToken abort) => _session.FlushAsync(abort);

    /// <summary>Ends the run: nothing can be written any more.</summary>
    internal void Fail(string reason) => _session.Fail(reason);
}
