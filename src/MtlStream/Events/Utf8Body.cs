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
    /// <param name="inside">What the payload was taken out of, in words with a space before them; empty for nothing.</param>
    public static bool TryFind(byte[] payload, int start, string expected, string inside, out int textStart, out Problem problem)
    {
        problem = default;
        textStart = start;
        if (!Utf8.IsValid(payload.AsSpan(start)))
        {
            problem = NotUtf8(payload, start, inside);
            return false;
        }
        if (payload.AsSpan(start).StartsWith("\uFEFF"u8)) textStart += 3;
        if (payload.AsSpan(textStart).Trim(" \t\r\n"u8).IsEmpty)
        {
            var found = payload.Length == 0 ? "empty" : "blank";
            problem = new(RejectionReason.EmptyText, $"The payload is {found} ({payload.Length} bytes{inside}); expected {expected}.");
            return false;
        }
        if (!KnownBytes.IsUtf16(payload)) return true;
        problem = new(RejectionReason.UnsupportedEncoding, $"The payload is UTF-16 ({payload.Length} bytes{inside}); expected UTF-8.");
        return false;
    }

    private static Problem NotUtf8(byte[] payload, int start, string inside)
    {
        var at = start;
        while (Rune.DecodeFromUtf8(payload.AsSpan(at), out _, out var length) == OperationStatus.Done) at += length;
        var hint = KnownBytes.NameOf(payload) is { } name ? $"; it looks like {name}" : "";
        return new(
            RejectionReason.InvalidUtf8,
            $"The payload is not valid UTF-8 at byte {at}{inside} of {payload.Length}: found 0x{payload[at]:X2}{hint}; expected UTF-8.");
    }
}
