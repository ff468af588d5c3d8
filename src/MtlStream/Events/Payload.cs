namespace MtlStream.Events;

/// <summary>What a codec is given to read.</summary>
/// <param name="source">The event, with the headers that may say what the payload is.</param>
/// <param name="bytes">The payload, not longer than <see cref="InputOptions.MaxPayloadBytes"/>.</param>
public readonly ref struct Payload(SourceRecord source, byte[] bytes)
{
    public SourceRecord Source { get; } = source;

    public byte[] Bytes { get; } = bytes;
}
