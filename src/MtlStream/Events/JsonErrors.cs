using System.Buffers;
using System.Text.Json;

namespace MtlStream.Events;

/// <summary>What is said of JSON that is not well-formed: where, and what was found, in our own words.</summary>
/// <remarks>
/// The reader's own messages quote the payload: of something like <c>the quick brown fox</c> everything up to its end, which for
/// megabytes of prose takes seconds.
/// </remarks>
internal static class JsonErrors
{
    /// <summary>Up to here the reader's message may quote what it likes: nobody reads it, and it takes microseconds.</summary>
    private const int QuotedAtMost = 1 << 14;

    private static readonly SearchValues<byte> s_beginsStringOrLiteral = SearchValues.Create("\"tfn"u8);

    /// <summary>The document, cut off behind the first word in it that should be <c>true</c>, <c>false</c> or <c>null</c> and is not.</summary>
    /// <remarks>The reader refuses it at that word or before.</remarks>
    public static ReadOnlySpan<byte> UpToBadLiteral(ReadOnlySpan<byte> json)
    {
        if (json.Length <= QuotedAtMost) return json;
        for (var at = 0; ;)
        {
            var next = json[at..].IndexOfAny(s_beginsStringOrLiteral);
            if (next < 0) return json;
            at += next;
            var length = json[at] == '"' ? StringLength(json[at..]) : LiteralLength(json[at..]);
            if (length == 0) return json[..Math.Min(at + 16, json.Length)];
            at += length;
        }
    }

    /// <summary>The rejection of a document that a reader has refused.</summary>
    public static Problem Malformed(
        ReadOnlySpan<byte> json, in Utf8JsonReader reader, JsonException exception, JsonPlace place, string expected)
    {
        var at = PositionOf(json, exception);
        return new(
            RejectionReason.MalformedPayload,
            $"The payload is not well-formed JSON at {place.At(at)} of {json.Length + place.Shift}: " +
            $"{Found(json, at, reader.CurrentDepth)}. Expected {expected}.");
    }

    private static int StringLength(ReadOnlySpan<byte> json)
    {
        for (var at = 1; ;)
        {
            var next = json[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (next < 0) return json.Length;
            at += next + 1;
            if (json[at - 1] == '"') return at;
            if (at == json.Length) return at;
            at++;
        }
    }

    private static int LiteralLength(ReadOnlySpan<byte> json) =>
        json.StartsWith("true"u8) || json.StartsWith("null"u8) ? 4 : json.StartsWith("false"u8) ? 5 : 0;

    private static int PositionOf(ReadOnlySpan<byte> json, JsonException exception)
    {
        var lineStart = 0;
        for (var line = exception.LineNumber ?? 0; line > 0; line--) lineStart += json[lineStart..].IndexOf((byte)'\n') + 1;
        var at = Math.Min(lineStart + (int)(exception.BytePositionInLine ?? 0), json.Length);
        // Of a word that should be true, false or null the reader tells the first letter that differs.
        if (!exception.Message.Contains("invalid JSON literal", StringComparison.Ordinal)) return at;
        while (at > 0 && json[at - 1] is >= (byte)'a' and <= (byte)'z') at--;
        return at;
    }

    private static string Found(ReadOnlySpan<byte> json, int at, int depth)
    {
        if (at >= json.Length) return depth > 0 ? "it ends before it is closed" : "it ends too early";
        var found = json[at];
        var before = json[..at].TrimEnd(" \t\r\n"u8);
        if (depth >= JsonTextScan.MaxDepth - 1 && "{["u8.Contains(found))
            return $"it is nested deeper than the depth of {JsonTextScan.MaxDepth} that is read";
        if (before.IsEmpty)
        {
            var start = $"it starts with {Name(found)}, which begins no JSON";
            return KnownBytes.NameOf(json[at..]) is { } name ? $"{start}; it looks like {name}" : start;
        }
        if (depth == 0 && before[^1] is (byte)'}' or (byte)']') return $"found {Name(found)} behind the end of the document";
        if (before[^1] == ',' && "}]"u8.Contains(found)) return $"a comma stands before the closing {Name(found)}";
        if (before[^1] == '\\') return $"a backslash stands before {Name(found)}, which is no escape";
        if (found < 0x20) return $"found the control character {Name(found)}, which a string holds as \\u{found:x4}";
        return $"found {Name(found)} where it cannot be";
    }

    // Punctuation as it is, everything else by number: a message holds no text of the event.
    private static string Name(byte found) => found switch
    {
        (byte)'\'' => "0x27 (a single quote)",
        (byte)'/' => "0x2F (a slash)",
        0xC2 or 0xE2 => $"0x{found:X2} (not ASCII)",
        _ when "{}[],:\""u8.Contains(found) => $"'{(char)found}'",
        _ => $"0x{found:X2}",
    };
}
