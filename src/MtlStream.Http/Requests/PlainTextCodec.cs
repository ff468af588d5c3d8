using MtlStream.Events;

namespace MtlStream.Http.Requests;

/// <summary>Takes what a request sent as plain text, whatever format events have; leaves events to the codecs behind it.</summary>
internal sealed class PlainTextCodec : PayloadCodec
{
    private readonly TextCodec _text = new();

    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        decoding = default;
        return payload.Source.Correlation is PendingText { IsText: true } && _text.TryDecode(payload, out decoding);
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis) => _text.Answer(decoded, analysis);
}
