namespace MtlStream.Host.Pictures;

/// <summary>A stretch of a text over which the same labels hold.</summary>
/// <param name="Opening">Spans that begin with it, those that end last first.</param>
/// <param name="Closing">Spans that end with it, those that began last first.</param>
/// <param name="Tag">The tag of the word that it is, or is part of; null between words.</param>
internal sealed record TextSegment(
    int Start, int End, IReadOnlyList<LabelledRange> Opening, IReadOnlyList<LabelledRange> Closing, LabelledRange? Tag)
{
    /// <summary>Cuts a text wherever a label begins or ends. Ranges may overlap; those outside the text are cut to it.</summary>
    public static IReadOnlyList<TextSegment> Of(AnnotatedText shown)
    {
        var text = shown.Text;
        var spans = Within(shown.Spans, text).OrderBy(s => s.Start).ThenByDescending(s => s.End).ToList();
        var tags = Within(shown.Tags, text).OrderBy(t => t.Start).ToList();
        var cuts = new SortedSet<int>(spans.Concat(tags).SelectMany(r => new[] { r.Start, r.End })) { 0, text.Length }.ToList();
        var opening = spans.ToLookup(s => s.Start);
        var closing = spans.ToLookup(s => s.End);
        var segments = new List<TextSegment>(cuts.Count);
        var tag = 0;
        for (var i = 0; i + 1 < cuts.Count; i++)
        {
            var (start, end) = (cuts[i], cuts[i + 1]);
            while (tag < tags.Count && tags[tag].End <= start) tag++;
            var tagged = tag < tags.Count && tags[tag].Start <= start ? tags[tag] : null;
            segments.Add(new(start, end, [.. opening[start]], [.. closing[end].OrderByDescending(s => s.Start)], tagged));
        }

        return segments;
    }

    private static IEnumerable<LabelledRange> Within(IEnumerable<LabelledRange> ranges, string text) => ranges
        .Select(r => r with { Start = Edge(text, r.Start), End = Edge(text, r.End) })
        .Where(r => r.Start < r.End);

    // Never between the halves of a surrogate pair, which nobody could show.
    private static int Edge(string text, int at)
    {
        var edge = Math.Clamp(at, 0, text.Length);
        var inside = edge > 0 && edge < text.Length && char.IsSurrogatePair(text[edge - 1], text[edge]);
        return inside ? edge + 1 : edge;
    }
}
