using System.Text.Json;

namespace MtlStream.Events;

/// <summary>A JSON object that holds the text, perhaps in a schema registry's frame. The answer is one more member in it.</summary>
internal sealed class JsonCodec(JsonPointer pointer) : PayloadCodec
{
    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        var bytes = payload.Bytes;
        decoding = TryLocate(bytes, out var text, out var problem) ? Decoding.Found(text) : Decoding.Refused(problem);
        return true;
    }

    public override byte[] Answer(TextEvent decoded, ReadOnlySpan<byte> analysis) => Insert(decoded, analysis);

    /// <summary>The original bytes with the member <c>analysis</c> where the envelope says.</summary>
    public static byte[] Insert(TextEvent decoded, ReadOnlySpan<byte> analysis)
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

    private bool TryLocate(byte[] bytes, out LocatedText text, out Problem problem)
    {
        text = default;
        if (!SchemaFrame.TrySkip(bytes, out var start, out problem)) return false;
        if (!Utf8Body.TryFind(bytes, start, $"a JSON object with the text at {pointer}", out start, out problem)) return false;
        var scan = new JsonTextScan(bytes.AsSpan(start), pointer, start);
        try
        {
            return PlainJson.TryRead(bytes, start, pointer, ref scan, out text, out problem);
        }
        catch (JsonException exception)
        {
            problem = scan.Malformed(exception);
            return false;
        }
    }
}
