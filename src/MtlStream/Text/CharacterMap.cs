using System.Globalization;
using System.Text;

namespace MtlStream.Text;

/// <summary>What BERT's normalizer and pre-tokenizer make of each code point. Thread-safe; filled as code points are met.</summary>
/// <remarks>
/// Source: BertNormalizer and BertPreTokenizer of Hugging Face <c>tokenizers</c>. Code points are mapped one by one:
/// canonical decomposition reorders marks only, and nearly all of those are nonspacing and removed.
/// </remarks>
internal sealed class CharacterMap
{
    /// <summary>One code point as normalized: <see cref="Kind"/>, letter case and what it becomes.</summary>
    /// <param name="Replacement">UTF-16 text that takes its place; empty for dropped and space.</param>
    internal sealed record Entry(Kind Kind, bool Upper, bool Lower, string Replacement);

    internal enum Kind : byte
    {
        /// <summary>Removed; does not end a word.</summary>
        Dropped,

        /// <summary>Ends a word.</summary>
        Space,

        /// <summary>Part of a word.</summary>
        Word,

        /// <summary>A word by itself: punctuation, Han.</summary>
        Alone,

        /// <summary>Becomes several characters, of which some are words by themselves.</summary>
        Mixed,

        /// <summary>Part of a word, but a mark that canonical ordering may move past its neighbours.</summary>
        Reordered,
    }

    // Categories that changed after Unicode 8, which the reference's tables follow.
    private static readonly Dictionary<int, UnicodeCategory> Changed = new()
    {
        [0x166D] = UnicodeCategory.OtherPunctuation,
        [0x1734] = UnicodeCategory.NonSpacingMark,
        [0x1885] = UnicodeCategory.OtherLetter,
        [0x1886] = UnicodeCategory.OtherLetter,
        [0xA9BD] = UnicodeCategory.SpacingCombiningMark,
        [0x111C9] = UnicodeCategory.OtherPunctuation,
        [0x1171E] = UnicodeCategory.NonSpacingMark,
    };

    private static readonly Entry Nothing = new(Kind.Dropped, false, false, "");
    private static readonly Entry WhiteSpace = new(Kind.Space, false, false, "");

    private readonly Entry[]?[] _pages = new Entry[]?[0x110000 >> 8];
    private readonly bool _lowercase, _stripAccents, _foldMarks;

    /// <param name="foldMarks">Full-width marks, and apostrophes and hyphens of any kind, are those of ASCII.</param>
    /// <exception cref="PlatformNotSupportedException">The runtime's Unicode normalization is switched off.</exception>
    public CharacterMap(bool lowercase, bool stripAccents, bool foldMarks = false)
    {
        RequireNormalization("\u00E9".Normalize(NormalizationForm.FormD));
        _lowercase = lowercase;
        _stripAccents = stripAccents;
        _foldMarks = foldMarks;
    }

    /// <summary>The map that a model asks for.</summary>
    public static CharacterMap Of(TokenizerSettings settings) => new(settings.Lowercase, settings.StripAccents, settings.FoldLetters);

    /// <summary>The entry of a code point; unpaired surrogates are dropped, as the U+FFFD they stand for is.</summary>
    public Entry this[int codePoint]
    {
        get
        {
            var page = _pages[codePoint >> 8];
            if (page is null) _pages[codePoint >> 8] = page = BuildPage(codePoint >> 8); // two threads build the same
            return page[codePoint & 0xFF];
        }
    }

    /// <summary>Checks what became of U+00E9 in form D. Without tables the runtime returns text unchanged, silently.</summary>
    internal static void RequireNormalization(string decomposed)
    {
        if (decomposed == "e\u0301") return;
        throw new PlatformNotSupportedException(
            "Unicode normalization does nothing in this process: U+00E9 should decompose to U+0065 U+0301. Tokens would silently " +
            "differ from those the model was trained on. Unset InvariantGlobalization (DOTNET_SYSTEM_GLOBALIZATION_INVARIANT) and " +
            "install ICU (libicu).");
    }

    internal static UnicodeCategory CategoryOf(int codePoint)
    {
        if (Changed.TryGetValue(codePoint, out var changed)) return changed;
        var category = CharUnicodeInfo.GetUnicodeCategory(codePoint);
        var letters = category <= UnicodeCategory.OtherLetter;
        return !letters && NewerCharacters.Contains(codePoint) ? UnicodeCategory.OtherNotAssigned : category;
    }

    private Entry[] BuildPage(int page)
    {
        var entries = new Entry[256];
        for (var i = 0; i < 256; i++) entries[i] = Build((page << 8) | i);
        return entries;
    }

    private Entry Build(int codePoint)
    {
        if (_foldMarks) codePoint = PlainMark(codePoint);
        if (codePoint is '\t' or '\n' or '\r') return WhiteSpace;
        if (codePoint is 0 or 0xFFFD) return Nothing;
        var category = CategoryOf(codePoint);
        if (category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse) return Nothing;
        var rune = new Rune(codePoint);
        if (Rune.IsWhiteSpace(rune)) return WhiteSpace;
        var upper = category is UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter;
        var lower = category is UnicodeCategory.LowercaseLetter;
        var replacement = Replace(rune, category);
        if (replacement.Length == 0) return Nothing;
        if (_stripAccents && category == UnicodeCategory.SpacingCombiningMark && IsReordered(rune))
            return new Entry(Kind.Reordered, upper, lower, replacement);
        if (IsHan(codePoint)) return new Entry(Kind.Alone, upper, lower, replacement);
        var runes = replacement.EnumerateRunes().ToArray();
        var alone = runes.Count(IsPunctuation);
        var kind = alone == 0 ? Kind.Word : runes.Length == 1 ? Kind.Alone : Kind.Mixed;
        return new Entry(kind, upper, lower, replacement);
    }

    // Letters are folded before words are found; marks behind it, because a full-width comma ends an address.
    private static int PlainMark(int codePoint) => codePoint switch
    {
        0x2BC or 0x201B or 0x2032 or 0xA78C => '\'',
        0x2010 or 0x2011 or 0xFE63 => '-',
        >= 0xFF01 and <= 0xFF5E => codePoint - 0xFF01 + '!',
        _ => codePoint,
    };

    // U+0334 has the lowest combining class but zero: it moves before a mark of any higher class.
    private static bool IsReordered(Rune mark) =>
        (mark + "\u0334").Normalize(NormalizationForm.FormD).StartsWith('\u0334');

    private string Replace(Rune rune, UnicodeCategory category)
    {
        var text = rune.ToString();
        if (_stripAccents && category != UnicodeCategory.OtherNotAssigned) // the runtime refuses U+FFFE
        {
            var kept = new StringBuilder();
            foreach (var part in text.Normalize(NormalizationForm.FormD).EnumerateRunes())
            {
                if (CategoryOf(part.Value) != UnicodeCategory.NonSpacingMark) kept.Append(part.ToString());
            }
            text = kept.ToString();
        }
        return _lowercase ? text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant() : text;
    }

    internal static bool IsPunctuation(Rune rune) =>
        rune.IsAscii
            ? rune.Value is (>= 33 and <= 47) or (>= 58 and <= 64) or (>= 91 and <= 96) or (>= 123 and <= 126)
            : CategoryOf(rune.Value) is UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation
                or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
                or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
                or UnicodeCategory.OtherPunctuation;

    // The reference's ranges, its slip at U+2B820 included.
    private static bool IsHan(int c) =>
        c is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
            or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
