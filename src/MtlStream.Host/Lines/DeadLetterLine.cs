using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream.Host.Lines;

internal static class DeadLetterLine
{
    /// <summary>A refused line as <c>dead-letter.v1</c> JSON, without a line end.</summary>
    public static byte[] Encode(OutboundRecord record) =>
        (DeadLetter.Of(record) with { Line = record.Source.Position.Offset + 1 }).ToJson();
}
