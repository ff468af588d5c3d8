namespace MtlStream.Events;

/// <summary>How the result is put into the original payload.</summary>
public enum EnvelopeKind
{
    /// <summary>The payload is plain text; the result is a new object <c>{"text": ..., "analysis": ...}</c>.</summary>
    Text,

    /// <summary>The payload is a JSON object that gets one more member.</summary>
    Json,
}

/// <summary>Where in the original payload the member <c>analysis</c> goes.</summary>
/// <param name="InsertAt">Byte index in the payload of the closing brace of the object that gets the member.</param>
/// <param name="NeedsComma">True when that object has another member before it.</param>
/// <param name="RemoveStart">Start of a member <c>analysis</c> that is already there, its comma included; -1 when there is none.</param>
/// <param name="RemoveEnd">Exclusive end of that member.</param>
public readonly record struct Envelope(EnvelopeKind Kind, int InsertAt, bool NeedsComma, int RemoveStart = -1, int RemoveEnd = -1);

/// <summary>A decoded event: its text and where its result goes. Owns the text.</summary>
public sealed class TextEvent(SourceRecord source, PooledArray<char> text, Envelope envelope) : IDisposable
{
    public SourceRecord Source { get; } = source;
    public Envelope Envelope { get; } = envelope;

    /// <summary>The text in UTF-16 units, as offsets in the result count them.</summary>
    public ReadOnlySpan<char> Text => text.Span;

    public void Dispose() => text.Dispose();
}
