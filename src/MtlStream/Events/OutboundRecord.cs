namespace MtlStream.Events;

/// <summary>Which topic a record goes to.</summary>
public enum Destination
{
    Results,
    DeadLetters,

    /// <summary>Copies of results that a person should look at. They acknowledge nothing and may be lost.</summary>
    Review,

    /// <summary>Nothing is written; the event is acknowledged in its turn as if something had been.</summary>
    Nowhere,
}

/// <summary>One message to publish. Once durable, it acknowledges the event it came from.</summary>
/// <param name="Payload">Message value; null for a tombstone that is passed on.</param>
/// <param name="Source">The event it answers: its key, timestamp and position go with the message.</param>
/// <param name="Headers">All headers to send, the original ones included.</param>
public sealed record OutboundRecord(
    Destination Destination, byte[]? Payload, IReadOnlyList<EventHeader> Headers, SourceRecord Source)
{
    /// <summary>A copy for the review topic, sent right after this record, and perhaps another one in it; null for none.</summary>
    public OutboundRecord? Review { get; init; }

    /// <summary>Whether its event had no text and is passed on or dropped for that.</summary>
    public bool WithoutText { get; init; }

    /// <summary>What becomes of an event without a text that is not rejected: it goes on as it came, or nowhere.</summary>
    public static OutboundRecord Textless(SourceRecord source, TextlessEvents choice) => choice == TextlessEvents.Drop
        ? new(Destination.Nowhere, null, [], source) { WithoutText = true }
        : new(Destination.Results, source.Payload, source.Headers, source) { WithoutText = true };
}
