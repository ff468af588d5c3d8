using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>Plain text. The answer is a new object <c>{"text": ..., "analysis": ...}</c>.</summary>
internal sealed class TextCodec : PayloadCodec
{
    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        var bytes = payload.Bytes;
        if (!Utf8Body.TryFind(bytes, 0, "a text", payload.Inside, out var start, out var problem))
        {
            decoding = Decoding.Refused(problem);
            return true;
        }
        var envelope = new Envelope(bytes.Length, NeedsComma: true) { Skip = start, Codec = this };
        decoding = Decoding.Found(new(new(bytes, start, bytes.Length), envelope));
        return true;
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis)
    {
        var output = Utf8Buffer.ForAnswers();
        output.Write("{\"text\":\""u8);
        JsonText.Escape(decoded.Text, output);
        output.Write("\",\"analysis\":"u8);
        output.Write(analysis.Json);
        output.Write((byte)'}');
        return output.Written.ToArray();
    }

    public override IReadOnlyList<EventHeader> AnswerHeadersOf(TextEvent decoded) => AnswerHeaders.Of(decoded.Source.Headers, becomesJson: true);
}
