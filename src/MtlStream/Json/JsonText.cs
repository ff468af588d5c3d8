using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MtlStream.Json;

/// <summary>Contents of JSON strings, between the quotes: read from valid UTF-8 and written to it.</summary>
internal static class JsonText
{
    private const char Replacement = '\uFFFD';

    private static readonly SearchValues<byte> EscapedBytes = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(b => (byte)b), (byte)'"', (byte)'\\']);

    private static readonly SearchValues<char> EscapedChars = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(c => (char)c), '"', '\\']);

    /// <summary>UTF-16 units of a well-formed string's contents once unescaped.</summary>
    public static int CharCount(ReadOnlySpan<byte> contents)
    {
        var count = Encoding.UTF8.GetCharCount(contents);
        for (var at = contents.IndexOf((byte)'\\'); at >= 0;)
        {
            // \n is two characters that stand for one, \u000a is six.
            var length = contents[at + 1] == 'u' ? 6 : 2;
            count -= length - 1;
            contents = contents[(at + length)..];
            at = contents.IndexOf((byte)'\\');
        }
        return count;
    }

    /// <summary>Unescapes a well-formed string's contents. An escaped surrogate without its other half becomes U+FFFD.</summary>
    /// <param name="chars">Exactly <see cref="CharCount"/> long.</param>
    public static void Unescape(ReadOnlySpan<byte> contents, Span<char> chars)
    {
        while (true)
        {
            var escape = contents.IndexOf((byte)'\\');
            chars = chars[Encoding.UTF8.GetChars(escape < 0 ? contents : contents[..escape], chars)..];
            if (escape < 0) break;
            contents = contents[escape..];
            if (contents[1] != 'u')
            {
                chars[0] = Simple(contents[1]);
                chars = chars[1..];
                contents = contents[2..];
                continue;
            }
            var unit = Unit(contents);
            contents = contents[6..];
            if (char.IsHighSurrogate(unit) && contents.StartsWith("\\u"u8) && char.IsLowSurrogate(Unit(contents)))
            {
                chars[0] = unit;
                chars[1] = Unit(contents);
                chars = chars[2..];
                contents = contents[6..];
                continue;
            }
            chars[0] = char.IsSurrogate(unit) ? Replacement : unit;
            chars = chars[1..];
        }
        Debug.Assert(chars.IsEmpty, "CharCount and Unescape disagree");
    }

    /// <summary>A well-formed string's contents as a string.</summary>
    public static string Unescape(ReadOnlySpan<byte> contents)
    {
        var chars = new char[CharCount(contents)];
        Unescape(contents, chars);
        return new(chars);
    }

    /// <summary>A well-formed string's contents as UTF-8; an escaped surrogate without its other half becomes U+FFFD.</summary>
    public static byte[] UnescapeToUtf8(ReadOnlySpan<byte> contents) => Encoding.UTF8.GetBytes(Unescape(contents));

    /// <summary>Whether a well-formed string holds nothing but white space.</summary>
    public static bool IsBlank(ReadOnlySpan<byte> contents, bool escaped)
    {
        if (contents.IsEmpty) return true;
        if (contents[0] is > 0x20 and < 0x80 and not (byte)'\\') return false; // nearly every text
        return string.IsNullOrWhiteSpace(escaped ? Unescape(contents) : Encoding.UTF8.GetString(contents));
    }

    /// <summary>Whether a well-formed string's contents begin with this bracket, white space aside.</summary>
    public static bool LooksLikeJson(ReadOnlySpan<byte> contents, bool escaped, byte bracket)
    {
        while (!contents.IsEmpty && (contents[0] is (byte)' ' || StartsWithSpace(contents, escaped)))
            contents = contents[(contents[0] == '\\' ? 2 : 1)..];
        return !contents.IsEmpty && contents[0] == bracket;
    }

    private static bool StartsWithSpace(ReadOnlySpan<byte> contents, bool escaped) =>
        escaped && contents.Length > 1 && contents[0] == '\\' && contents[1] is (byte)'n' or (byte)'r' or (byte)'t';

    /// <summary>Writes valid UTF-8 as the contents of a JSON string: escapes only what must be.</summary>
    public static void Escape(ReadOnlySpan<byte> utf8, Utf8Buffer output)
    {
        while (true)
        {
            var special = utf8.IndexOfAny(EscapedBytes);
            output.Write(special < 0 ? utf8 : utf8[..special]);
            if (special < 0) return;
            WriteEscape((char)utf8[special], output);
            utf8 = utf8[(special + 1)..];
        }
    }

    /// <summary>Writes UTF-16 as the contents of a JSON string; an unpaired surrogate becomes U+FFFD.</summary>
    public static void Escape(ReadOnlySpan<char> text, Utf8Buffer output)
    {
        while (true)
        {
            var special = text.IndexOfAny(EscapedChars);
            output.Transcode(special < 0 ? text : text[..special]);
            if (special < 0) return;
            WriteEscape(text[special], output);
            text = text[(special + 1)..];
        }
    }

    private static void WriteEscape(char unit, Utf8Buffer output)
    {
        switch (unit)
        {
            case '"': output.Write("\\\""u8); break;
            case '\\': output.Write("\\\\"u8); break;
            case '\n': output.Write("\\n"u8); break;
            case '\r': output.Write("\\r"u8); break;
            case '\t': output.Write("\\t"u8); break;
            default:
                output.Write("\\u00"u8);
                output.Write((byte)(unit < 0x10 ? '0' : '1'));
                output.Write("0123456789abcdef"u8[unit & 0xF]);
                break;
        }
    }

    private static char Simple(byte escape) => escape switch
    {
        (byte)'b' => '\b',
        (byte)'f' => '\f',
        (byte)'n' => '\n',
        (byte)'r' => '\r',
        (byte)'t' => '\t',
        _ => (char)escape,
    };

    private static char Unit(ReadOnlySpan<byte> escape) =>
        (char)ushort.Parse(escape.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
