using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace MtlStream.Text;

/// <summary>Letters and digits that are drawn in another way, and the plain ones that they stand for.</summary>
/// <remarks>
/// Full-width, mathematical, circled, squared, raised and small capital letters and ligatures: Unicode's compatibility
/// mappings, where these give letters, and the blocks that it has no mapping for. Numbers in circles and raised digits
/// stay as they are: ① before a word is no part of it, and x² is not x2.
/// </remarks>
internal static class LookAlikes
{
    private const int VariationSelector = 0xFE0F; // asks for a picture: 🅰️ is no letter

    // Blocks that the compatibility mappings are asked about, and whether digits of the block count.
    private static readonly (int First, int Last, bool Digits)[] s_blocks =
    [
        (0x2B0, 0x2E4, false), (0x1D2C, 0x1DBF, false), (0x2071, 0x209C, false), (0x2100, 0x2138, false),
        (0x213A, 0x2188, false), (0x24B6, 0x24E9, false), (0xFB00, 0xFB06, false), (0xFF10, 0xFF5A, true),
        (0x1D400, 0x1D7FF, true), (0x1F130, 0x1F149, false),
    ];

    // First of 26 letters in a row, and the letter that it stands for.
    private static readonly (int First, char Letter)[] s_alphabets = [(0x249C, 'a'), (0x1F110, 'A'), (0x1F150, 'A'), (0x1F170, 'A')];

    // Small capitals, in pairs.
    private const string SmallCapitals = "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpǫqʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz";

    // Cyrillic and Greek letters that look like Latin ones, in pairs. Only within words that have Latin letters.
    private const string Twins =
        "аaсcеeоoрpхxуyіiјjѕsԁdһhԛqԝwАAВBЕEКKМMНHОOРPСCТTХXІIЈJЅSУY" + "οoνvιiκkρpαaΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX";

    private static readonly FrozenDictionary<int, string> s_letters = Letters();
    private static readonly FrozenDictionary<char, char> s_twins = Pairs(Twins).ToFrozenDictionary();
    private static readonly SearchValues<char> s_marks =
        SearchValues.Create([.. s_letters.Keys.Where(c => c <= char.MaxValue).Select(c => (char)c), .. s_twins.Keys, '\uD835', '\uD83C']);

    /// <summary>Where the first character is that may stand for another, or -1.</summary>
    public static int IndexOf(ReadOnlySpan<char> text)
    {
        var start = text.IndexOfAnyExceptInRange('\0', '\x7F');
        if (start < 0) return -1;
        var found = text[start..].IndexOfAny(s_marks);
        return found < 0 ? -1 : start + found;
    }

    /// <summary>The plain letters of a character, or null; <paramref name="next"/> is the UTF-16 unit behind it.</summary>
    public static string? PlainOf(int codePoint, char next) =>
        next != VariationSelector && s_letters.TryGetValue(codePoint, out var plain) ? plain : null;

    /// <summary>The Latin letter that looks like this one of another script, or NUL.</summary>
    public static char TwinOf(char letter) => s_twins.GetValueOrDefault(letter);

    /// <summary>Whether a run of letters is Latin but for letters of other scripts that look so.</summary>
    public static bool IsDisguised(ReadOnlySpan<char> letters)
    {
        var latin = false;
        foreach (var letter in letters)
        {
            latin |= char.IsAsciiLetter(letter);
            if (!char.IsAscii(letter) && TwinOf(letter) == '\0') return false;
        }

        return latin;
    }

    private static FrozenDictionary<int, string> Letters()
    {
        var letters = new Dictionary<int, string>();
        foreach (var (first, last, digits) in s_blocks)
        {
            for (var c = first; c <= last; c++)
            {
                var symbol = c < 0x2200 && CharUnicodeInfo.GetUnicodeCategory(c) == UnicodeCategory.OtherSymbol; // № is no word
                var plain = char.ConvertFromUtf32(c).Normalize(NormalizationForm.FormKC);
                var counts = plain.All(unit => char.IsLetter(unit) || (digits && char.IsAsciiDigit(unit)));
                if (counts && !symbol && IsPlain(plain, c)) letters[c] = plain;
            }
        }

        foreach (var (first, letter) in s_alphabets)
        {
            for (var i = 0; i < 26; i++) letters[first + i] = ((char)(letter + i)).ToString();
        }

        foreach (var (capital, letter) in Pairs(SmallCapitals)) letters[capital] = letter.ToString();
        return letters.ToFrozenDictionary();
    }

    // Mathematical letters may be Greek; all others are those of ASCII.
    private static bool IsPlain(string plain, int c) => c >= 0x1D400 || plain.All(char.IsAscii);

    private static IEnumerable<KeyValuePair<char, char>> Pairs(string pairs) =>
        pairs.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1]));
}
