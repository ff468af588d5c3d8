using MtlStream.Events;

namespace MtlStream.Delivery;

/// <summary>Why one record can never be published, however often it is tried.</summary>
/// <param name="Message">The client's or the broker's words, and the sizes involved.</param>
public sealed record PublishRefusal(RejectionReason Reason, string Message);

/// <summary>Says how publishing a record ended: durable when <paramref name="refusal"/> is null.</summary>
public delegate void PublishReport(OutboundRecord record, PublishRefusal? refusal);

/// <summary>The output side of the pipeline. Implemented by Kafka, by files, and in memory by the tests. Thread-safe.</summary>
public interface IOutboundSink
{
    /// <summary>Queues one record in order; waits while the client has no room.</summary>
    /// <param name="reported">
    /// Called exactly once for the record, from any thread, perhaps before this call returns: when the record is durable (for
    /// exactly-once: when its transaction is committed), when it is dropped because its assignment is over, or refused for good.
    /// </param>
    /// <exception cref="IOException">The destination cannot be written any more; the run must end.</exception>
    ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort);

    /// <summary>Completes when everything queued has been reported.</summary>
    /// <exception cref="IOException">The destination cannot be written any more; the run must end.</exception>
    Task FlushAsync(CancellationToken abort);
}
