namespace MtlStream.Text;

/// <summary>Where sentences end: behind a full stop, a question or an exclamation mark, and at an empty line.</summary>
/// <remarks>
/// A full stop behind an initial or an abbreviation ends none, nor does one before a small letter. Rules, for English and languages
/// written like it; a text without marks is one sentence.
/// </remarks>
public static class Sentences
{
    private static readonly HashSet<string> s_abbreviations = new(StringComparer.OrdinalIgnoreCase)
    {
        "mr", "mrs", "ms", "dr", "prof", "rev", "gen", "sen", "rep", "gov", "capt", "sgt", "lt", "col", "st", "jr", "sr", "vs", "etc", "inc", "ltd",
        "corp", "fig", "eq", "al", "approx", "dept", "jan", "feb", "apr", "aug", "sept", "oct", "nov", "dec",
        "e.g", "i.e", "u.s", "u.k", "u.n", "a.m", "p.m", "cf", "ca", "resp",
    };

    /// <summary>Each sentence as its first word and the word behind its last.</summary>
    public static List<(int First, int End)> Of(ReadOnlySpan<char> text, ReadOnlySpan<Word> words)
    {
        var sentences = new List<(int First, int End)>();
        var first = 0;
        for (var word = 0; word + 1 < words.Length; word++)
        {
            if (!EndsBetween(text, words, word)) continue;
            sentences.Add((first, word + 1));
            first = word + 1;
        }

        if (words.Length > first) sentences.Add((first, words.Length));
        return sentences;
    }

    private static bool EndsBetween(ReadOnlySpan<char> text, ReadOnlySpan<Word> words, int word)
    {
        var gap = text[words[word].End..words[word + 1].Start];
        if (gap.Count('\n') > 1) return true;
        if (gap.IsEmpty) return false;
        var mark = word; // quotation marks and brackets close behind the mark
        while (mark > 0 && words[mark].Start == words[mark - 1].End && IsClosing(text[words[mark].Start..words[mark].End])) mark--;
        var last = text[words[mark].End - 1];
        if (last is '!' or '?' or '\u2026') return true;
        return last == '.' && !IsAbbreviated(text, words[mark]) && !char.IsLower(text[words[word + 1].Start]);
    }

    private static bool IsClosing(ReadOnlySpan<char> word) => word.TrimStart("\"'\u201d\u2019)]}\u00bb").IsEmpty;

    /// <summary>Whether what the full stop belongs to is an initial or an abbreviation.</summary>
    private static bool IsAbbreviated(ReadOnlySpan<char> text, Word mark)
    {
        var end = mark.End - 1;
        var start = end;
        while (start > 0 && (char.IsLetter(text[start - 1]) || (text[start - 1] == '.' && start < end))) start--;
        var name = text[start..end];
        return (name.Length == 1 && char.IsUpper(name[0])) || s_abbreviations.GetAlternateLookup<ReadOnlySpan<char>>().Contains(name);
    }
}
