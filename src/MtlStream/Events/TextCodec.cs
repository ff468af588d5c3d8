using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>Plain text. The answer is a new object <c>{"text": ..., "analysis": ...}</c>.</summary>
internal sealed class TextCodec : PayloadCodec
{
    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        var bytes = payload.Bytes;
        if (!Utf8Body.TryFind(bytes, 0, "a text", out var start, out var problem))
        {
            decoding = Decoding.Refused(problem);
            return true;
        }
        var envelope = new Envelope(bytes.Length, NeedsComma: true) { Skip = start, Codec = this };
        decoding = Decoding.Found(new(bytes, start, bytes.Length, Escaped: false, envelope));
        return true;
    }

    public override byte[] Answer(TextEvent decoded, ReadOnlySpan<byte> analysis)
    {
        var output = Utf8Buffer.ForAnswers();
        output.Write("{\"text\":\""u8);
        JsonText.Escape(decoded.Text, output);
        output.Write("\",\"analysis\":"u8);
        output.Write(analysis);
        output.Write((byte)'}');
        return output.Written.ToArray();
    }

    public override IReadOnlyList<EventHeader> AnswerHeaders(TextEvent decoded) => ContentType.BecomesJson(decoded.Source.Headers);
}
