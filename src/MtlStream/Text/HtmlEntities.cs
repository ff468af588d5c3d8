using System.Collections.Frozen;
using System.Globalization;
using System.Net;

namespace MtlStream.Text;

/// <summary>What <c>&amp;amp;</c>, <c>&amp;#39;</c> and the like stand for.</summary>
internal static class HtmlEntities
{
    private const int LongestName = 32;

    // What browsers make of numbers 0x80 to 0x9F: windows-1252.
    private const string Windows = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ";

    // Names of HTML 5 that the runtime does not know.
    private static readonly FrozenDictionary<string, string> s_names = """
        excl ! num # dollar $ percnt % lpar ( rpar ) ast * plus + comma , period . sol / colon : semi ; equals = quest ? commat @
        lsqb [ lbrack [ bsol \ rsqb ] rbrack ] Hat ^ lowbar _ grave ` lcub { lbrace { verbar | vert | rcub } rbrace } dash ‐
        hyphen ‐ mldr … rsquor ’ rdquor ” lsquor ‚ ldquor „ star ☆ starf ★ check ✓ phone ☎
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Chunk(2).ToFrozenDictionary(pair => pair[0], pair => pair[1]);

    // Those that are also written without a semicolon.
    private static readonly string[] s_bare = ["amp", "lt", "gt", "quot", "nbsp"];

    /// <summary>Reads the entity that starts with the ampersand at the start of a text.</summary>
    /// <param name="length">UTF-16 units that it takes.</param>
    /// <returns>What it stands for, or null when it is none.</returns>
    public static string? Read(ReadOnlySpan<char> text, out int length)
    {
        length = 1;
        while (length < text.Length && length <= LongestName && IsPart(text[length], length)) length++;
        var name = text[1..length];
        if (name.IsEmpty) return null;
        if (length == text.Length || text[length] != ';') return Bare(name);
        length++;
        if (name[0] == '#') return Numbered(name[1..]);
        if (s_names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var known)) return known;
        var entity = text[..length].ToString();
        var decoded = WebUtility.HtmlDecode(entity);
        return decoded == entity ? null : decoded;
    }

    private static bool IsPart(char c, int place) => char.IsAsciiLetterOrDigit(c) || (c == '#' && place == 1);

    private static string? Bare(ReadOnlySpan<char> name)
    {
        foreach (var bare in s_bare)
        {
            if (name.SequenceEqual(bare)) return WebUtility.HtmlDecode($"&{bare};");
        }

        return null;
    }

    private static string? Numbered(ReadOnlySpan<char> digits)
    {
        var hexadecimal = !digits.IsEmpty && digits[0] is 'x' or 'X';
        var style = hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        if (!long.TryParse(hexadecimal ? digits[1..] : digits, style, CultureInfo.InvariantCulture, out var number)) return null;
        if (number is >= 0x80 and <= 0x9F) return Windows[(int)number - 0x80].ToString();
        var isCharacter = number is > 0 and <= 0x10FFFF and not (>= 0xD800 and <= 0xDFFF);
        return isCharacter ? char.ConvertFromUtf32((int)number) : "\uFFFD";
    }
}
