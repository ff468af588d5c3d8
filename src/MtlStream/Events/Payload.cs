namespace MtlStream.Events;

/// <summary>What a codec is given to read.</summary>
/// <param name="source">The event, with the headers that may say what the payload is.</param>
/// <param name="bytes">The payload, unpacked where it was compressed.</param>
/// <param name="maxBytes">Most bytes that anything in it may unpack to: <see cref="InputOptions.MaxPayloadBytes"/>.</param>
public readonly ref struct Payload(SourceRecord source, byte[] bytes, int maxBytes)
{
    public SourceRecord Source { get; } = source;

    public byte[] Bytes { get; } = bytes;

    public int MaxBytes { get; } = maxBytes;

    /// <summary>Where places in it are, for messages; empty for the payload as it came.</summary>
    internal string Inside => ReferenceEquals(Bytes, Source.Payload) ? "" : " of the unpacked payload";
}
