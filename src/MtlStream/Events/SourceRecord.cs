namespace MtlStream.Events;

/// <summary>One message header. Values are bytes, usually UTF-8 text; null is allowed by Kafka.</summary>
public readonly record struct EventHeader(string Key, byte[]? Value);

/// <summary>One undecoded event, as it left the source.</summary>
/// <param name="Key">Message key, copied unchanged to the output; null when there is none.</param>
/// <param name="Payload">Message value; null for a tombstone.</param>
/// <param name="Headers">In source order, duplicates kept.</param>
/// <param name="Timestamp">Event or log-append time, milliseconds since the Unix epoch; negative when unknown.</param>
/// <param name="ReceivedAt">Timestamp from <see cref="TimeProvider.GetTimestamp"/>.</param>
public sealed record SourceRecord(
    SourcePosition Position, byte[]? Key, byte[]? Payload, IReadOnlyList<EventHeader> Headers, long Timestamp, long ReceivedAt)
{
    /// <summary>What the transport has to find again when the answer comes to its sink, a waiting request for instance.</summary>
    /// <remarks>Its owner is the transport that read the event; everyone else passes it on unseen. Null where the position says enough.</remarks>
    public object? Correlation { get; init; }

    /// <summary>The payload unpacked; null where it was not packed, or could not be unpacked.</summary>
    internal byte[]? Unpacked { get; init; }

    internal long UnpackedBytes => Unpacked?.Length ?? 0;
}
