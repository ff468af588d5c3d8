using System.Globalization;
using System.Text;
using Spectre.Console.Rendering;
using Spectre.Console;

namespace MtlStream.Host.Demo;

/// <summary>Shows a running demo: a live picture on a terminal, plain lines elsewhere.</summary>
internal sealed class DemoView(DemoTally tally, TimeProvider time)
{
    private const int ShownLabels = 6;
    private const int LabelsPerTask = 3;
    private const int ShownCharacters = 200;
    private static readonly string[] s_colors = ["black on yellow", "black on aqua", "black on lime", "black on fuchsia", "black on silver"];

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
        return string.Create(CultureInfo.InvariantCulture,
            $"{report.Produced:N0} produced, {report.Enriched:N0} enriched, {report.DeadLettered:N0} dead letters, {report.EventsPerSecond:N1} events/s, latency p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms");
    }

    /// <summary>An event on one line, entities in brackets.</summary>
    internal static string Plain(ShownEvent shown) =>
        $"{Highlight(shown, s => s, (text, span) => $"[{text}]({span.Label})")}  <- {string.Join(", ", ByTask(shown).Select(t => $"{t.Task}: {t.Labels}"))}";

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

    private Rows Picture()
    {
        var tasks = tally.Labels.GroupBy(l => l.Task).Select(t => (IRenderable)LabelTable(t.Key, [.. t])).ToList();
        var latest = tally.Latest.Select(e => (IRenderable)new Markup(Colored(e)));
        return new(
            new Panel(new Markup(Markup.Escape(Status()))).Header("MtlStream demo").Expand(),
            new Columns(tasks),
            new Panel(new Rows(latest)).Header("latest events").Expand());
    }

    private static Table LabelTable(string task, IReadOnlyList<(string Task, string Label, int Count)> labels)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn(Markup.Escape(task)).AddColumn(new TableColumn("").RightAligned());
        foreach (var (_, label, count) in labels.OrderByDescending(l => l.Count).Take(ShownLabels))
            table.AddRow(Markup.Escape(label), count.ToString("N0", CultureInfo.InvariantCulture));
        return table;
    }

    private static string Colored(ShownEvent shown)
    {
        var text = Highlight(shown, Markup.Escape, (inner, span) => $"[{Color(span.Label)}]{inner}[/][dim] {Markup.Escape(span.Label)}[/]");
        return $"{text}\n  [dim]{string.Join("  ", ByTask(shown).Select(t => $"{Markup.Escape(t.Task)}[/] [bold]{Markup.Escape(t.Labels)}[/][dim]"))}[/]";
    }

    private static IEnumerable<(string Task, string Labels)> ByTask(ShownEvent shown) => shown.Labels.GroupBy(l => l.Task).Select(task =>
        (task.Key, string.Join(" ", task.Take(LabelsPerTask).Select(l => l.Label)) + (task.Count() > LabelsPerTask ? " ..." : "")));

    private static string Color(string label) => s_colors[label.Aggregate(17, (hash, c) => ((hash * 7) + c) & 0xFFFF) % s_colors.Length];

    private static string Highlight(ShownEvent shown, Func<string, string> escape, Func<string, ShownSpan, string> mark)
    {
        var text = shown.Text;
        var shortened = text.Length > ShownCharacters;
        var limit = shortened ? ShownCharacters : text.Length;
        var result = new StringBuilder();
        var at = 0;
        foreach (var span in shown.Spans.Where(s => s.End <= limit))
        {
            result.Append(escape(text[at..span.Start])).Append(mark(escape(text[span.Start..span.End]), span));
            at = span.End;
        }

        return result.Append(escape(text[at..limit])).Append(shortened ? "..." : "").ToString();
    }
}
