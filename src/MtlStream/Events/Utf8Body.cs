using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace MtlStream.Events;

/// <summary>Payloads that are text: UTF-8, perhaps behind a byte order mark.</summary>
internal static class Utf8Body
{
    /// <summary>Finds where the text begins; it is neither empty nor blank then.</summary>
    /// <param name="start">Where to look, behind a frame for instance.</param>
    /// <param name="expected">What should be there, in words.</param>
    public static bool TryFind(byte[] payload, int start, string expected, out int textStart, out Problem problem)
    {
        problem = default;
        textStart = start;
        if (!Utf8.IsValid(payload.AsSpan(start)))
        {
            problem = NotUtf8(payload, start);
            return false;
        }
        if (payload.AsSpan(start).StartsWith("\uFEFF"u8)) textStart += 3;
        if (!payload.AsSpan(textStart).Trim(" \t\r\n"u8).IsEmpty) return true;
        var found = payload.Length == 0 ? "empty" : "blank";
        problem = new(RejectionReason.EmptyText, $"The payload is {found} ({payload.Length} bytes); expected {expected}.");
        return false;
    }

    private static Problem NotUtf8(byte[] payload, int start)
    {
        var at = start;
        while (Rune.DecodeFromUtf8(payload.AsSpan(at), out _, out var length) == OperationStatus.Done) at += length;
        var hint = payload switch
        {
            [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => ", a UTF-16 byte order mark",
            [0x1F, 0x8B, ..] => " in gzip data",
            _ => "",
        };
        return new(
            RejectionReason.InvalidUtf8,
            $"The payload is not valid UTF-8 at byte {at} of {payload.Length}: found 0x{payload[at]:X2}{hint}; expected UTF-8.");
    }
}
