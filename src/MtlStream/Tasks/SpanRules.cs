namespace MtlStream.Tasks;

/// <summary>What no span is, whatever the labels say: over two entries of a list, a part of a hyphenated name, a mark alone.</summary>
/// <remarks>
/// The labels alone are read word by word, and a graph gives the best one only, so that what belongs together is decided
/// here: over the probabilities of all words that a decision is about.
/// </remarks>
internal static class SpanRules
{
    /// <summary>Applies them to the spans of a text, in order.</summary>
    /// <param name="names">Spans are names; where they may be anything, such as <c>next to the door</c>, only their types are settled.</param>
    public static void Apply(LabelledWords words, List<WordSpan> spans, bool names = true)
    {
        if (spans.Count == 0) return;
        GoOn(words, spans);
        if (names)
        {
            LineEnds.Cut(words, spans);
            HyphenatedNames.Join(words, spans);
            SpanEdges.Trim(words, spans);
        }

        for (var i = 0; i < spans.Count; i++) spans[i] = spans[i] with { Type = words.TypeOf(spans[i]) };
    }

    // A span that goes on with another type, B-LOC I-ORG, is one: its words then say which type it is.
    private static void GoOn(LabelledWords words, List<WordSpan> spans)
    {
        var kept = 0;
        for (var i = 1; i < spans.Count; i++)
        {
            var goesOn = spans[i].First == spans[kept].End && words.Continues(spans[i].First);
            if (goesOn) spans[kept] = spans[kept] with { End = spans[i].End };
            else spans[++kept] = spans[i];
        }

        spans.RemoveRange(kept + 1, spans.Count - kept - 1);
    }
}
