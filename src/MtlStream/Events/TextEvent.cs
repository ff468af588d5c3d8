namespace MtlStream.Events;

/// <summary>Where in the original payload the analysis goes.</summary>
/// <remarks>Indexes are bytes of the payload, or of <see cref="Rewritten"/> where that is given.</remarks>
/// <param name="InsertAt">Index of the closing brace of the object that gets the member.</param>
/// <param name="NeedsComma">True when that object has another member before it.</param>
/// <param name="RemoveStart">Start of a member <c>analysis</c> that is already there, its comma included; -1 when there is none.</param>
/// <param name="RemoveEnd">Exclusive end of that member.</param>
public readonly record struct Envelope(int InsertAt, bool NeedsComma, int RemoveStart = -1, int RemoveEnd = -1)
{
    /// <summary>Leading bytes that are not carried: a byte order mark, a schema registry's frame.</summary>
    public int Skip { get; init; }

    /// <summary>
    /// What is carried in place of the payload; null, for nearly every event, when it is the payload itself. A CloudEvent whose
    /// data is text or base64 gets it as an object; of several members <c>analysis</c> only the last is in here.
    /// </summary>
    public byte[]? Rewritten { get; init; }

    /// <summary>Who puts the analysis in; null for the codec that found the text.</summary>
    public PayloadCodec? Codec { get; init; }

    /// <summary>What that codec has to know besides; its own business.</summary>
    public object? State { get; init; }

    internal Envelope Moved(int by) => this with
    {
        InsertAt = InsertAt + by,
        RemoveStart = RemoveStart < 0 ? -1 : RemoveStart + by,
        RemoveEnd = RemoveStart < 0 ? -1 : RemoveEnd + by,
    };
}

/// <summary>Which part of a text came from where.</summary>
/// <param name="From">The pointer that led to it.</param>
/// <param name="Start">In UTF-16 units of the text, as offsets in the result.</param>
/// <param name="End">Exclusive end.</param>
public readonly record struct TextField(string From, int Start, int End);

/// <summary>Which event of a message that holds several.</summary>
public sealed record EventPart(EventGroup Group, int Index);

/// <summary>A decoded event: its text and where its result goes. Owns the text.</summary>
public sealed class TextEvent(SourceRecord source, PooledArray<char> text, Envelope envelope) : IDisposable
{
    public SourceRecord Source { get; } = source;
    public Envelope Envelope { get; } = envelope;

    /// <summary>What the text was made of, where several pointers lead to texts; else null.</summary>
    public IReadOnlyList<TextField>? Fields { get; init; }

    /// <summary>Its place among the events of its message; null when it is the only one.</summary>
    public EventPart? Part { get; init; }

    /// <summary>What the event asks about its text; null where it asks nothing.</summary>
    public string? Question { get; internal set; }

    /// <summary>The text in UTF-16 units, as offsets in the result count them. An unpaired surrogate was read as U+FFFD.</summary>
    public ReadOnlySpan<char> Text => text.Span;

    public void Dispose() => text.Dispose();
}
