namespace MtlStream.Events;

/// <summary>A text found in a body, and where its result goes.</summary>
/// <param name="Body">The payload, or what is carried in its place.</param>
/// <param name="Start">First byte of the text in the body, quotes excluded.</param>
/// <param name="End">Exclusive end.</param>
/// <param name="Escaped">True when the text is the contents of a JSON string that holds a backslash.</param>
public readonly record struct LocatedText(byte[] Body, int Start, int End, bool Escaped, Envelope Envelope)
{
    /// <summary>What a finished scan of <paramref name="body"/> from <paramref name="start"/> on has found.</summary>
    internal static LocatedText Of(byte[] body, int start, scoped in JsonTextScan scan, Envelope envelope)
    {
        var text = scan.Text;
        if (scan.Earlier is not { } earlier)
            return new(body, start + text.Start + 1, start + text.End - 1, text.Escaped, envelope.Moved(start) with { Skip = start });
        var rewritten = new MemoryStream(body.Length);
        int copied = start, removed = 0, removedBeforeText = 0;
        foreach (var (from, to) in earlier)
        {
            rewritten.Write(body, copied, start + from - copied);
            copied = start + to;
            removed += to - from;
            if (to <= text.Start) removedBeforeText += to - from;
        }
        rewritten.Write(body, copied, body.Length - copied);
        var carried = rewritten.ToArray();
        return new(
            carried, text.Start + 1 - removedBeforeText, text.End - 1 - removedBeforeText, text.Escaped,
            envelope.Moved(-removed) with { Rewritten = carried });
    }

    /// <summary>This text's body put into another document, in place of what lies between two of its bytes.</summary>
    internal LocatedText PutInto(ReadOnlySpan<byte> document, int from, int to, ReadOnlySpan<byte> prefix)
    {
        var body = Body.AsSpan(Envelope.Skip);
        byte[] carried = [.. document[..from], .. prefix, .. body, .. document[to..]];
        var moved = from + prefix.Length - Envelope.Skip;
        return new(carried, Start + moved, End + moved, Escaped, Envelope.Moved(moved) with { Skip = 0, Rewritten = carried });
    }

    /// <summary>A new object <c>{"text": ...}</c> around a JSON string.</summary>
    internal static LocatedText Wrap(ReadOnlySpan<byte> jsonString)
    {
        byte[] body = [.. "{\"text\":"u8, .. jsonString, (byte)'}'];
        var envelope = new Envelope(body.Length - 1, NeedsComma: true);
        return new(body, 9, body.Length - 2, Escaped: jsonString.Contains((byte)'\\'), envelope);
    }
}
