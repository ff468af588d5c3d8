namespace MtlStream.Tasks;

/// <summary>Joins what hyphens join to one name, <c>Jean-Luc Picard</c>, and keeps two names apart: <c>Bush-Cheney</c>.</summary>
/// <remarks>
/// A name is decided as a whole, by the odds that the model gives to its hyphen and to the part behind it. The limits lie
/// between 120 names and 40 pairs in twelve sentences each: <c>tests/results/spans.md</c>.
/// </remarks>
internal static class HyphenatedNames
{
    // Least log odds for one name.
    private const double Usual = -1.05;
    private const double TwoSurnames = 0.2; // people named by one word each are more often two
    private const double FullName = -5; // one word on one side, several on the other: a double name
    private const double Initial = -3; // T-Mobile

    // Most mean probability that what is between two parts, or a part without a label, belongs to no name.
    private const double MostOutsideAmong = 0.95;
    private const double MostOutside = 0.75;
    private const double MostOutsideOfHyphen = 0.92;

    public static void Join(LabelledWords words, List<WordSpan> spans)
    {
        var after = 0; // spans before it end before the hyphen
        for (var hyphen = 1; hyphen + 1 < words.Count && after < spans.Count; hyphen++)
        {
            if (!words.JoinsWords(hyphen)) continue;
            var first = hyphen - 1;
            var end = hyphen + 2;
            while (words.JoinsWords(end)) end += 2;
            while (after < spans.Count && spans[after].End <= first) after++;
            Decide(words, spans, after, first, end);
            hyphen = end - 1;
        }
    }

    // Decides about the parts at first, first + 2, ... and the hyphens between them.
    private static void Decide(LabelledWords words, List<WordSpan> spans, int from, int first, int end)
    {
        if (IsChain(words, first, end))
        {
            if (At(spans, from, first) < 0 && At(spans, from, end - 1) < 0) return;
            if (MeanOutside(words, first + 1, end - 1) < MostOutsideAmong) Merge(words, spans, from, first, end);
            return;
        }

        for (var hyphen = first + 1; hyphen < end; hyphen += 2)
        {
            if (IsOne(words, spans, from, hyphen)) Merge(words, spans, from, hyphen - 1, hyphen + 2);
        }
    }

    // Capitals around small words: Aix-en-Provence.
    private static bool IsChain(LabelledWords words, int first, int end)
    {
        if (end - first < 5 || !char.IsUpper(words[first][0]) || !char.IsUpper(words[end - 1][0])) return false;
        for (var part = first + 2; part < end - 1; part += 2)
        {
            if (!char.IsLower(words[part][0])) return false;
        }

        return true;
    }

    private static bool IsOne(LabelledWords words, List<WordSpan> spans, int from, int hyphen)
    {
        var left = At(spans, from, hyphen - 1);
        var right = At(spans, from, hyphen + 1);
        if (left < 0 && right < 0) return false;
        if (left < 0 || right < 0)
        {
            var other = left < 0 ? hyphen - 1 : hyphen + 1;
            var outside = 1 - words.Inside(hyphen);
            return outside < MostOutsideOfHyphen && (outside + words.Score(other)) / 2 < MostOutside;
        }

        if (left == right) return true;
        return LogOdds(words.Inside(hyphen)) + LogOdds(words.Continuing(hyphen + 1)) > Limit(words, spans[left], spans[right], hyphen);
    }

    private static double Limit(LabelledWords words, WordSpan left, WordSpan right, int hyphen)
    {
        if (words[hyphen - 1].Length == 1 || words[hyphen + 1].Length == 1) return Initial;
        if (!words.IsPerson(left) || !words.IsPerson(right)) return Usual;
        var before = hyphen - left.First;
        var behind = right.End - hyphen - 1;
        return before == 1 == (behind == 1) ? TwoSurnames : FullName;
    }

    private static double MeanOutside(LabelledWords words, int first, int end)
    {
        var sum = 0.0;
        for (var word = first; word < end; word++) sum += 1 - words.Inside(word);
        return sum / (end - first);
    }

    private static double LogOdds(float probability)
    {
        var p = Math.Clamp(probability, 0.001, 0.999);
        return Math.Log(p / (1 - p));
    }

    // Index of the span that holds a word, or -1.
    private static int At(List<WordSpan> spans, int from, int word)
    {
        for (var i = from; i < spans.Count && spans[i].First <= word; i++)
        {
            if (word < spans[i].End) return i;
        }

        return -1;
    }

    // Makes the words one span, with all spans that they are part of.
    private static void Merge(LabelledWords words, List<WordSpan> spans, int from, int first, int end)
    {
        var i = from;
        while (i < spans.Count && spans[i].End <= first) i++;
        var last = i;
        while (last + 1 < spans.Count && spans[last + 1].First < end) last++;
        var whole = spans[i] with { First = Math.Min(first, spans[i].First), End = Math.Max(end, spans[last].End) };
        spans.RemoveRange(i + 1, last - i);
        spans[i] = whole with { Type = words.TypeOf(whole) };
    }
}
