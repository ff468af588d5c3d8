using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream.Host.Lines;

internal static class DeadLetterLine
{
    /// <summary>A refused line as the dead letter of a file.</summary>
    public static DeadLetter Of(OutboundRecord record) => DeadLetter.Of(record) with { Line = record.Source.Position.Offset + 1 };
}
