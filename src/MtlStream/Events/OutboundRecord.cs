namespace MtlStream.Events;

/// <summary>Which topic a record goes to.</summary>
public enum Destination
{
    Results,
    DeadLetters,
}

/// <summary>One message to publish. Once durable, it settles the event it came from.</summary>
/// <param name="Payload">Message value; null for a tombstone that is passed on.</param>
/// <param name="Source">The event it answers: its key, timestamp and position go with the message.</param>
/// <param name="Headers">All headers to send, the original ones included.</param>
public sealed record OutboundRecord(
    Destination Destination, byte[]? Payload, IReadOnlyList<EventHeader> Headers, SourceRecord Source);
