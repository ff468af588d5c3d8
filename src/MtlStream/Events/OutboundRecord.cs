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

/// <summary>How much of its event a dead letter carries: what its topic takes.</summary>
public enum LetterForm
{
    /// <summary>All of it.</summary>
    Whole,

    /// <summary>All of it, the payload as gzip.</summary>
    Packed,

    /// <summary>The payload's size and hash in its place.</summary>
    Bare,
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

    /// <summary>Key of the message: the event's, unless it is left out with the payload.</summary>
    public byte[]? Key { get; init; } = Source.Key;

    /// <summary>Of a dead letter.</summary>
    public LetterForm Form { get; init; }

    /// <summary>Whether its event had no text and is passed on or dropped for that.</summary>
    public bool WithoutText { get; init; }

    /// <summary>What becomes of an event without a text that is not rejected: it goes on as it came, or nowhere.</summary>
    public static OutboundRecord Textless(SourceRecord source, TextlessEvents choice) => choice == TextlessEvents.Drop
        ? new(Destination.Nowhere, null, [], source) { WithoutText = true }
        : new(Destination.Results, source.Payload, source.Headers, source) { WithoutText = true };
}
