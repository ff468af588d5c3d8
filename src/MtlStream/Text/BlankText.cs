using System.Buffers;
using System.Globalization;
using System.Text;

namespace MtlStream.Text;

/// <summary>Texts that show nothing: white space, controls, marks without a letter, and letters that are drawn as nothing.</summary>
internal static class BlankText
{
    // Hangul's fillers, Khmer's inherent vowels, Braille's empty cell, the place of an object that is not there.
    private static readonly SearchValues<char> s_blank = SearchValues.Create("\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0\uFFFC\uFFFD");

    public static bool Is(ReadOnlySpan<char> text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (!IsBlank(rune)) return false;
        }

        return true;
    }

    private static bool IsBlank(Rune rune)
    {
        if (rune.IsBmp && s_blank.Contains((char)rune.Value)) return true;
        if ((rune.Value & 0xFFFE) == 0xFFFE || rune.Value is >= 0xFDD0 and <= 0xFDEF) return true; // no characters, and never will be
        if (Rune.IsWhiteSpace(rune)) return true;
        return Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.NonSpacingMark or UnicodeCategory.PrivateUse;
    }
}
