namespace MtlStream.Events;

/// <summary>One piece of text in some bytes.</summary>
/// <param name="Start">First byte, quotes excluded.</param>
/// <param name="End">Exclusive end.</param>
/// <param name="Escaped">True when it is the contents of a JSON string that holds a backslash.</param>
/// <param name="From">The pointer that led to it; null where nobody asks.</param>
public readonly record struct TextPiece(byte[] Body, int Start, int End, bool Escaped = false, string? From = null)
{
    internal ReadOnlySpan<byte> Contents => Body.AsSpan(Start..End);
}

/// <summary>A text that was found, and where its answer goes.</summary>
/// <param name="Text">The text, or the first piece of several.</param>
/// <param name="Pieces">All pieces in their order, where the answer says which pointer led to what; else null.</param>
public readonly record struct LocatedText(TextPiece Text, Envelope Envelope, IReadOnlyList<TextPiece>? Pieces = null)
{
    /// <summary>The same, answered by this codec.</summary>
    internal LocatedText By(PayloadCodec codec) => this with { Envelope = Envelope with { Codec = codec } };

    /// <summary>This text's body put into another document, in place of what lies between two of its bytes.</summary>
    internal LocatedText PutInto(ReadOnlySpan<byte> document, int from, int to, ReadOnlySpan<byte> prefix)
    {
        var inner = Envelope.Rewritten.AsSpan(Envelope.Skip);
        byte[] carried = [.. document[..from], .. prefix, .. inner, .. document[to..]];
        var moved = from + prefix.Length - Envelope.Skip;
        return this with { Envelope = Envelope.Moved(moved) with { Skip = 0, Rewritten = carried } };
    }

    /// <summary>A new object <c>{"text": ...}</c> around a JSON string.</summary>
    internal static LocatedText Wrap(ReadOnlySpan<byte> jsonString)
    {
        byte[] body = [.. "{\"text\":"u8, .. jsonString, (byte)'}'];
        var envelope = new Envelope(body.Length - 1, NeedsComma: true) { Rewritten = body };
        return new(new(body, 9, body.Length - 2, Escaped: jsonString.Contains((byte)'\\')), envelope);
    }
}
