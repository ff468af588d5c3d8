using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>Takes marks, clitics and small words off both ends of spans; what is nothing else is no span.</summary>
internal static class SpanEdges
{
    private const float Sure = 0.5f;

    // Marks that names begin or end with: #Berlin, Yahoo!, Disney+, Inc.
    private const string Openings = "#@+$";
    private const string Endings = "!+.$";

    private static readonly HashSet<string> s_small = ["and", "or", "of", "the", "for", "in", "at", "with", "vs", "to", "on", "by", "from"];
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> s_smallSpans = s_small.GetAlternateLookup<ReadOnlySpan<char>>();

    public static void Trim(LabelledWords words, List<WordSpan> spans)
    {
        var kept = 0;
        for (var i = 0; i < spans.Count; i++)
        {
            var span = spans[i];
            var first = span.First;
            var end = span.End;
            while (first < end && IsNoStart(words, first)) first++;
            while (end > first && IsNoEnd(words, first, end - 1)) end--;
            if (AnyReadable(words, first, end)) spans[kept++] = span with { First = first, End = end };
        }

        spans.RemoveRange(kept, spans.Count - kept);
    }

    private static bool IsNoStart(LabelledWords words, int word) =>
        IsClitic(words, word) || (!words.IsReadable(word) && !(words[word] is [var mark] && Openings.Contains(mark)));

    private static bool IsNoEnd(LabelledWords words, int first, int word)
    {
        var text = words[word];
        if (words.IsReadable(word))
        {
            if (word == first || words.IsHyphen(word - 1)) return false;
            return s_smallSpans.Contains(text) || (IsClitic(words, word) && words.Score(word) < Sure);
        }

        if (text is not [var mark]) return true;
        return !Endings.Contains(mark) && !Closes(words, first, word, mark);
    }

    // Defense (Division): what is opened within the name.
    private static bool Closes(LabelledWords words, int first, int word, char mark)
    {
        var opener = mark switch { ')' => '(', ']' => '[', '}' => '{', _ => '\0' };
        for (var before = first; opener != '\0' && before < word; before++)
        {
            if (words[before] is [var open] && open == opener) return true;
        }

        return false;
    }

    // 's, n't, and s behind an apostrophe.
    private static bool IsClitic(LabelledWords words, int word)
    {
        var text = words[word];
        if (text.Length > 1 && WordRules.IsApostrophe(text[0])) return WordRules.ListsOf(text[1..]).HasFlag(WordLists.Clitic);
        if (text.Length == 3 && text[0] is 'n' or 'N' && WordRules.IsApostrophe(text[1])) return text[2] is 't' or 'T';
        var isBehind = word > 0 && words.Gap(word).IsEmpty && words[word - 1] is [var mark] && WordRules.IsApostrophe(mark);
        return isBehind && WordRules.ListsOf(text).HasFlag(WordLists.Clitic);
    }

    private static bool AnyReadable(LabelledWords words, int first, int end)
    {
        while (first < end && !words.IsReadable(first)) first++;
        return first < end;
    }
}
