using MtlStream.Events;

namespace MtlStream.Host.Lines;

/// <summary>Refuses rows that do not fit their table; every other event is for the codecs behind it.</summary>
internal sealed class CsvCodec : PayloadCodec
{
    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        decoding = default;
        if (payload.Source.Correlation is not CsvRow { Problem: { } problem }) return false;
        decoding = Decoding.Refused(new(RejectionReason.MalformedPayload, problem));
        return true;
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis) => throw new NotSupportedException("It takes no event.");
}
