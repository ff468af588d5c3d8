using System.Text;
using MtlStream.Events;
using MtlStream.Host.Lines;
using Spectre.Console;

namespace MtlStream.Host.Pictures;

/// <summary>Texts for a terminal: spans and parts of speech in place, and below what the other tasks say, as bars.</summary>
/// <remarks>Without colours a word is followed by <c>/TAG</c> unless it is punctuation, and a span stands in brackets: <c>[Ada/PROPN](PER)</c>.</remarks>
/// <param name="colored">Whether escape sequences may be written.</param>
/// <param name="width">Cells of a line.</param>
internal sealed class TerminalPicture(AnnotatedRecords records, bool colored, int width) : ResultFormat
{
    private const string None = "(none)";

    private static readonly Color[] s_spans = [Color.Yellow, Color.Aqua, Color.Lime, Color.Fuchsia, Color.Silver];
    private static readonly Style[] s_words = [new(Color.Teal), new(Color.Green), new(Color.Olive), new(Color.Purple), new(Color.Red)];
    private static readonly Style s_dim = new(decoration: Decoration.Dim);
    private static readonly Style s_bold = new(decoration: Decoration.Bold);

    private readonly LabelPalette _palette = new(s_spans.Length);

    public override void Begin(Stream output)
    {
        if (!colored) return;
        var legend = new List<Piece>();
        for (var i = 0; i < s_words.Length; i++) legend.Add(new(WordClasses.Names[i] + "  ", s_words[i]));
        Print([legend, []], output);
    }

    public override void Write(OutboundRecord result, Stream output)
    {
        foreach (var text in records.Of(result)) Print([.. WordWrap.Lines(Pieces(text), width), .. Bars(text), []], output);
    }

    private List<Piece> Pieces(AnnotatedText shown)
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

    private static IEnumerable<List<Piece>> Bars(AnnotatedText shown)
    {
        var tasks = Widest(shown.Labels.Select(l => l.Task));
        var labels = Widest(shown.Labels.Select(l => l.Label ?? None));
        var before = "";
        foreach (var label in shown.Labels)
        {
            var (task, name) = (label.Task == before ? "" : label.Task, label.Label ?? None);
            before = label.Task;
            var line = new List<Piece>
            {
                new("  " + Padded(task, tasks) + "  ", s_dim),
                new(Padded(name, labels) + "  ", label.Given && label.Label is not null ? s_bold : s_dim),
            };
            if (label.Score is { } score) line.Add(new($"{ScoreBar.Of(score)} {ScoreBar.Number(score)}", label.Given ? Style.Plain : s_dim));
            yield return line;
        }
    }

    private static int Widest(IEnumerable<string> names) => names.Select(WordWrap.Cells).DefaultIfEmpty().Max();

    private static string Padded(string name, int cells) => name + new string(' ', cells - WordWrap.Cells(name));

    private void Print(IEnumerable<IReadOnlyList<Piece>> lines, Stream output)
    {
        using var written = new StringWriter();
        var console = AnsiConsole.Create(new()
        {
            Ansi = colored ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colored ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(written),
        });
        console.Profile.Width = int.MaxValue; // lines are cut already
        foreach (var line in lines)
        {
            foreach (var piece in line) console.Write(piece.Text, piece.Style);
            console.WriteLine();
        }

        output.Write(Encoding.UTF8.GetBytes(written.ToString()));
    }
}
