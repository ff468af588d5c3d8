using MtlStream.Events;

namespace MtlStream.Host.Lines;

internal static class DeadLetterLine
{
    public static byte[] Encode(OutboundRecord record) => record.Payload!;
}
