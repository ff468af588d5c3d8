using MtlStream.Events;

namespace MtlStream.Delivery;

/// <summary>Why one record can never be published, however often it is tried.</summary>
/// <param name="Message">The client's or the broker's words, and the sizes involved.</param>
public sealed record PublishRefusal(RejectionReason Reason, string Message);

/// <summary>How publishing a record ended.</summary>
public enum PublishOutcome
{
    /// <summary>It is durable; for exactly-once its transaction is committed.</summary>
    Durable,

    /// <summary>It was not written because its assignment is over; its event is read again, here or elsewhere.</summary>
    Dropped,

    /// <summary>It can never be written.</summary>
    Refused,
}

/// <summary>Says how publishing a record ended.</summary>
/// <param name="refusal">Why it can never be written; null unless it was refused.</param>
public delegate void PublishReport(OutboundRecord record, PublishOutcome outcome, PublishRefusal? refusal = null);

/// <summary>The output side of the pipeline. Implemented by Kafka, by files, and in memory by the tests. Thread-safe.</summary>
public interface IOutboundSink
{
    /// <summary>Queues one record in order; waits while the client has no room.</summary>
    /// <param name="record">Of one for <see cref="Destination.Nowhere"/> nothing is written; it is reported in its turn like any other.</param>
    /// <param name="reported">
    /// Called exactly once for the record, from any thread, perhaps before this call returns.
    /// </param>
    /// <exception cref="IOException">The destination cannot be written any more; the run must end.</exception>
    ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort);

    /// <summary>Completes when everything queued has been reported.</summary>
    /// <exception cref="IOException">The destination cannot be written any more; the run must end.</exception>
    Task FlushAsync(CancellationToken abort);
}
