using System.Buffers;

namespace MtlStream.Tasks;

/// <summary>Cuts spans where a line end parts them: at an empty line, and between the entries of a list.</summary>
/// <remarks>
/// At another line end a name may be wrapped: <c>moved to New\nYork</c>. There the model decides, and needs to be the
/// surer the less the lines look like wrapped ones.
/// </remarks>
internal static class LineEnds
{
    private const int WrappedLength = 30; // UTF-16 units; who wraps lines does so at more
    private const float LeastInWrapped = 0.5f;
    private const float Least = 0.7f;

    private static readonly SearchValues<char> s_marks = SearchValues.Create("\n\r\t\v\f\u0085\u2028\u2029");

    /// <summary>Words that a name does not end or begin with, so that its line goes on.</summary>
    private static readonly HashSet<string> s_inside =
    [
        "of", "the", "for", "and", "or", "in", "at", "on", "to", "by", "from", "with", "upon", "de", "del", "della", "van", "von",
        "der", "den", "la", "le", "du", "da", "di", "dos", "al", "el", "bin", "ibn", "y", "und", "et",
    ];

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> s_insideSpans = s_inside.GetAlternateLookup<ReadOnlySpan<char>>();

    public static void Cut(LabelledWords words, List<WordSpan> spans)
    {
        for (var i = 0; i < spans.Count; i++)
        {
            var span = spans[i];
            for (var word = span.First + 1; word < span.End; word++)
            {
                if (!words.Gap(word).ContainsAny(s_marks)) continue;
                if (IsNextField(words, spans[i], word))
                {
                    spans[i] = spans[i] with { End = word }; // and the name of the field is no span
                    break;
                }

                if (!Parts(words, spans[i], word)) continue;
                spans[i] = spans[i] with { End = word };
                spans.Insert(++i, span with { First = word });
            }
        }
    }

    private static bool Parts(LabelledWords words, WordSpan span, int word)
    {
        var ends = Count(words.Gap(word));
        if (ends != 1) return true; // an empty line, or a tab: another cell
        if (!words.IsReadable(word)) return true; // the sign in front of an entry
        if (s_insideSpans.Contains(words[word - 1]) || s_insideSpans.Contains(words[word])) return false;
        var first = FirstOfLine(words, word - 1);
        var end = EndOfLine(words, word);
        var left = Math.Max(first, span.First);
        var right = Math.Min(end, span.End);
        if (IsEntryBefore(words, first, left) && !AnyReadable(words, right, end)) return true;
        if (words.IsPerson(span) && Readable(words, left, word) > 1 && Readable(words, word, right) > 1) return true;
        return words.Score(word) < (words.Length(first, word - 1) >= WrappedLength ? LeastInWrapped : Least);
    }

    // Whether the span is the value of a field, City: Baden-Baden, and ends with the name of the next one, Company:
    private static bool IsNextField(LabelledWords words, WordSpan span, int word)
    {
        if (span.End >= EndOfLine(words, word) || words[span.End] is not ":") return false;
        var first = span.First;
        while (words.JoinsWords(first) || words.JoinsWords(first - 1)) first--; // the part of a name that hyphens join
        return first > 0 && words[first - 1] is ":";
    }

    private static int FirstOfLine(LabelledWords words, int word)
    {
        while (word > 0 && Count(words.Gap(word)) == 0) word--;
        return word;
    }

    private static int EndOfLine(LabelledWords words, int word)
    {
        do word++;
        while (word < words.Count && Count(words.Gap(word)) == 0);
        return word;
    }

    // Whether an entry begins at the word: nothing stands before it in its line but signs, a number, or a name and a colon.
    private static bool IsEntryBefore(LabelledWords words, int lineStart, int word)
    {
        for (var before = word - 1; before >= lineStart; before--)
        {
            if (words[before] is ":") return true;
            if (words.IsReadable(before) && words[before].ContainsAnyExceptInRange('0', '9')) return false;
        }

        return true;
    }

    private static bool AnyReadable(LabelledWords words, int first, int end) => Readable(words, first, end) > 0;

    private static int Readable(LabelledWords words, int first, int end)
    {
        var readable = 0;
        for (var word = first; word < end; word++)
        {
            if (words.IsReadable(word)) readable++;
        }

        return readable;
    }

    // Line ends in what is between two words.
    private static int Count(ReadOnlySpan<char> gap)
    {
        var count = 0;
        for (var i = 0; i < gap.Length; i++)
        {
            if (gap[i] == '\u2029') count += 2;
            else if (gap[i] == '\r') count += i + 1 < gap.Length && gap[i + 1] == '\n' ? 0 : 1;
            else if (gap[i] is '\n' or '\v' or '\f' or '\u0085' or '\u2028') count++;
        }

        return count;
    }
}
