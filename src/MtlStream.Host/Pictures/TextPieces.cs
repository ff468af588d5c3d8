using Spectre.Console;

namespace MtlStream.Host.Pictures;

/// <summary>A text with its spans and parts of speech in place, for a terminal.</summary>
/// <remarks>Without colours a word is followed by <c>/TAG</c> unless it is punctuation, and a span stands in brackets: <c>[Ada/PROPN](PER)</c>.</remarks>
internal sealed class TextPieces(bool colored)
{
    private static readonly Color[] s_spans = [Color.Yellow, Color.Aqua, Color.Lime, Color.Fuchsia, Color.Silver];
    private static readonly Style[] s_words = [new(Color.Teal), new(Color.Green), new(Color.Olive), new(Color.Purple), new(Color.Red)];

    private readonly LabelPalette _palette = new(s_spans.Length);

    /// <summary>The names of the parts of speech, each in its colour.</summary>
    public static IReadOnlyList<Piece> Legend => [.. WordClasses.Names.Select((name, i) => new Piece(name + "  ", s_words[i]))];

    public List<Piece> Of(AnnotatedText shown)
    {
        var text = VisibleText.Of(shown.Text).Replace('\t', ' ');
        var pieces = new List<Piece>();
        var open = new List<LabelledRange>();
        foreach (var segment in TextSegment.Of(shown))
        {
            open.AddRange(segment.Opening);
            var inside = text[segment.Start..segment.End];
            if (colored) pieces.Add(new(inside, StyleOf(segment, open)));
            else pieces.Add(new(new string('[', segment.Opening.Count) + inside + PlainTag(segment), Style.Plain));
            foreach (var span in segment.Closing)
            {
                open.Remove(span);
                pieces.Add(Name(span));
            }
        }

        return pieces;
    }

    private Piece Name(LabelledRange span) => colored
        ? new("\u00A0" + span.Label, new(Color.Black, s_spans[_palette[span.Label]], Decoration.Italic))
        : new($"]({span.Label})", Style.Plain);

    private Style StyleOf(TextSegment segment, List<LabelledRange> open)
    {
        if (open.Count > 0) return new(Color.Black, s_spans[_palette[open[^1].Label]]);
        return WordClasses.Of(segment.Tag) is { } known ? s_words[known] : Style.Plain;
    }

    // Where a span ends within a word, its tag stands behind the rest. Punctuation is plain to see.
    private static string PlainTag(TextSegment segment) =>
        segment.Tag is { } tag && tag.End == segment.End && tag.Label != "PUNCT" ? "/" + tag.Label : "";
}
