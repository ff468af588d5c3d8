namespace MtlStream.Events;

/// <summary>Which topic a record goes to.</summary>
public enum Destination
{
    Results,
    DeadLetters,

    /// <summary>Copies of results that a person should look at. They acknowledge nothing and may be lost.</summary>
    Review,
}

/// <summary>One message to publish. Once durable, it acknowledges the event it came from.</summary>
/// <param name="Payload">Message value; null for a tombstone that is passed on.</param>
/// <param name="Source">The event it answers: its key, timestamp and position go with the message.</param>
/// <param name="Headers">All headers to send, the original ones included.</param>
public sealed record OutboundRecord(
    Destination Destination, byte[]? Payload, IReadOnlyList<EventHeader> Headers, SourceRecord Source)
{
    /// <summary>A copy for the review topic, sent right after this record; null for none.</summary>
    public OutboundRecord? Review { get; init; }
}
