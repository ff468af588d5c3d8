using System.Text;
using MtlStream.Events;
using MtlStream.Host.Lines;
using Spectre.Console;

namespace MtlStream.Host.Pictures;

/// <summary>Texts for a terminal: spans and parts of speech in place, and below what the other tasks say, as bars.</summary>
/// <param name="colored">Whether escape sequences may be written.</param>
/// <param name="width">Cells of a line.</param>
internal sealed class TerminalPicture(AnnotatedRecords records, bool colored, int width) : ResultFormat
{
    private const string None = "(none)";
    private const int Margins = 6;
    private const int ScoreCells = 5;

    private static readonly Style s_dim = new(decoration: Decoration.Dim);
    private static readonly Style s_bold = new(decoration: Decoration.Bold);

    private readonly TextPieces _pieces = new(colored);

    public override void Begin(Stream output)
    {
        if (!colored) return;
        Print([TextPieces.Legend, []], output);
    }

    public override void Write(OutboundRecord result, Stream output)
    {
        foreach (var text in records.Of(result)) Print([.. WordWrap.Lines(_pieces.Of(text), width), .. Bars(text), .. Written(text), []], output);
    }

    private IEnumerable<List<Piece>> Bars(AnnotatedText shown)
    {
        var tasks = Widest(shown.Labels.Select(l => l.Task));
        var labels = Widest(shown.Labels.Select(l => l.Label ?? None));
        var hasBars = Margins + tasks + labels + ScoreBar.Cells + ScoreCells <= width; // a narrow terminal shows the figures alone
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
            if (label.Score is { } score) line.Add(new((hasBars ? ScoreBar.Of(score) + ' ' : "") + ScoreBar.Number(score), label.Given ? Style.Plain : s_dim));
            yield return line;
        }
    }

    private IEnumerable<List<Piece>> Written(AnnotatedText shown) => shown.Written.SelectMany(
        written => WordWrap.Lines([new($"  {written.Task}  ", s_dim), new(VisibleText.Of(written.Text), Style.Plain)], width));

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
