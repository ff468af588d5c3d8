using System.Globalization;
using MtlStream.Host.Pictures;
using Spectre.Console;

namespace MtlStream.Host.Demo;

/// <summary>Shows a running demo: a live picture on a terminal, plain lines elsewhere.</summary>
internal sealed class DemoView(DemoTally tally, TimeProvider time)
{
    private const int LinesPerEvent = 2;

    private static readonly Style s_dim = new(decoration: Decoration.Dim);
    private static readonly Style s_bold = new(decoration: Decoration.Bold);

    private readonly TextPieces _colored = new(colored: true);
    private readonly TextPieces _plain = new(colored: false);

    /// <summary>Redraws until <paramref name="done"/>.</summary>
    public async Task RunLiveAsync(CancellationToken done) => await AnsiConsole.Live(Picture()).StartAsync(async live =>
    {
        await RepeatAsync(TimeSpan.FromMilliseconds(250), () => live.UpdateTarget(Picture()), done);
        live.UpdateTarget(Picture());
    });

    /// <summary>Writes a line every second until <paramref name="done"/>.</summary>
    public Task RunPlainAsync(TextWriter output, CancellationToken done) => RepeatAsync(TimeSpan.FromSeconds(1), () =>
    {
        output.WriteLine(Status());
        if (tally.Latest is [.., var latest]) output.WriteLine("  " + Plain(latest));
    }, done);

    /// <summary>One line of figures.</summary>
    internal string Status()
    {
        var report = tally.Report();
        var warmUp = tally.WarmUp is { } taken ? string.Create(CultureInfo.InvariantCulture, $", warm-up {taken.TotalSeconds:N1} s") : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"{report.Produced:N0} produced, {report.Enriched:N0} enriched, {report.DeadLettered:N0} dead letters, {report.EventsPerSecond:N1} events/s, latency p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms{warmUp}");
    }

    /// <summary>An event on one line, entities in brackets.</summary>
    internal string Plain(AnnotatedText shown)
    {
        var text = string.Concat(_plain.Of(shown with { Tags = [] }).Select(p => p.Text)).Replace('\n', ' ');
        return $"{text}  <- {string.Join(", ", ByTask(shown).Select(t => $"{t.Task}: {t.Labels}"))}";
    }

    /// <summary>What a terminal of this size shows: not a line more, and none that is wider.</summary>
    internal List<List<Piece>> Lines(int width, int height)
    {
        var lines = new List<List<Piece>> { Rule("MtlStream demo", width) };
        lines.AddRange(WordWrap.Lines([new(Status(), Style.Plain)], width));
        lines.Add(Rule("labels so far", width));
        lines.AddRange(tally.Labels.GroupBy(l => l.Task).Select(task => Cut(Counts(task.Key, [.. task]), width)));
        lines.Add(Rule("latest events", width));
        var room = Math.Max(0, (height - lines.Count) / LinesPerEvent);
        foreach (var shown in tally.Latest.TakeLast(room))
        {
            lines.Add(Cut(_colored.Of(shown), width));
            lines.Add(Cut(Labels(shown), width));
        }

        return [.. lines.Take(height)];
    }

    private async Task RepeatAsync(TimeSpan interval, Action draw, CancellationToken done)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(done)) draw();
        }
        catch (OperationCanceledException) when (done.IsCancellationRequested)
        {
            // The end of the demo.
        }
    }

    // The last line of the terminal is the cursor's.
    private Rows Picture()
    {
        var terminal = AnsiConsole.Profile;
        return new(Lines(terminal.Width, terminal.Height - 1).Select(Drawn));
    }

    private static Paragraph Drawn(List<Piece> line)
    {
        var drawn = new Paragraph();
        foreach (var piece in line.DefaultIfEmpty(new(" ", Style.Plain))) drawn.Append(piece.Text, piece.Style);
        return drawn;
    }

    private static List<Piece> Rule(string name, int width) =>
        [new("── ", s_dim), new(name, s_bold), new(" " + new string('─', Math.Max(0, width - name.Length - 4)), s_dim)];

    private static List<Piece> Counts(string task, IReadOnlyList<(string Task, string Label, int Count)> labels)
    {
        var line = new List<Piece> { new(task.PadRight(11), s_dim) };
        foreach (var (_, label, count) in labels.OrderByDescending(l => l.Count))
        {
            line.Add(new(label, Style.Plain));
            line.Add(new(string.Create(CultureInfo.InvariantCulture, $"\u00A0{count:N0}  "), s_dim));
        }

        return line;
    }

    private static List<Piece> Labels(AnnotatedText shown)
    {
        var line = new List<Piece>();
        foreach (var (task, labels) in ByTask(shown))
        {
            line.Add(new($"  {task} ", s_dim));
            line.Add(new(labels, s_bold));
        }

        return line;
    }

    private static IEnumerable<(string Task, string Labels)> ByTask(AnnotatedText shown) => shown.Labels
        .Where(l => l.Label is not null)
        .GroupBy(l => l.Task)
        .Select(task => (task.Key, string.Join(' ', task.Select(l => l.Label))))
        .Concat(shown.Written.Select(w => (w.Task, VisibleText.Of(w.Text))));

    /// <summary>The first line of what is wrapped, with an ellipsis where that is not all.</summary>
    private static List<Piece> Cut(List<Piece> pieces, int width)
    {
        var lines = WordWrap.Lines(pieces, width - 2);
        if (lines.Count > 1) lines[0].Add(new(" …", s_dim));
        return lines[0];
    }
}
