namespace MtlStream.Events;

/// <summary>Puts an analysis into an object, as one more member.</summary>
internal static class JsonInsert
{
    /// <summary>The original bytes with the member <c>analysis</c> where the envelope says.</summary>
    public static byte[] Into(TextEvent decoded, ReadOnlySpan<byte> analysis)
    {
        var envelope = decoded.Envelope;
        ReadOnlySpan<byte> body = envelope.Rewritten ?? decoded.Source.Payload;
        var removes = envelope.RemoveStart >= 0;
        var head = body[envelope.Skip..(removes ? envelope.RemoveStart : envelope.InsertAt)];
        var rest = removes ? body[envelope.RemoveEnd..envelope.InsertAt] : default;
        var name = envelope.NeedsComma ? ",\"analysis\":"u8 : "\"analysis\":"u8;
        var tail = body[envelope.InsertAt..];

        var output = GC.AllocateUninitializedArray<byte>(head.Length + rest.Length + name.Length + analysis.Length + tail.Length);
        var room = output.AsSpan();
        head.CopyTo(room);
        rest.CopyTo(room = room[head.Length..]);
        name.CopyTo(room = room[rest.Length..]);
        analysis.CopyTo(room = room[name.Length..]);
        tail.CopyTo(room[analysis.Length..]);
        return output;
    }

    /// <summary>The envelope of a document that was scanned, in terms of its body; of several members <c>analysis</c> only the last is carried.</summary>
    public static Envelope Carried(byte[] body, int start, scoped in JsonTextScan scan, Envelope envelope)
    {
        if (scan.Earlier is not { } earlier) return envelope.Moved(start) with { Skip = start };
        var rewritten = new MemoryStream(body.Length);
        var copied = start;
        var removed = 0;
        foreach (var (from, to) in earlier)
        {
            rewritten.Write(body, copied, start + from - copied);
            copied = start + to;
            removed += to - from;
        }
        rewritten.Write(body, copied, body.Length - copied);
        return envelope.Moved(-removed) with { Rewritten = rewritten.ToArray() };
    }
}
