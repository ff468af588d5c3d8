using System.Globalization;
using MtlStream.Events;
using Spectre.Console;

namespace MtlStream.Host.Lines;

/// <summary>How far a command is.</summary>
/// <param name="Texts">Finished, those that were rejected or had no text included.</param>
/// <param name="Share">Of the input that is read, from 0 to 1; null when its size is unknown.</param>
internal sealed record LineCounts(long Texts, long Rejected, double? Share)
{
    /// <summary>Events that were passed on or dropped because they have no text.</summary>
    public long WithoutText { get; init; }

    /// <summary>How many were rejected for which reason.</summary>
    public IReadOnlyList<(RejectionReason Reason, long Count)> Reasons { get; init; } = [];
}

/// <summary>One line on a terminal's stderr that says how far a command is, and one at the end.</summary>
internal sealed class LineProgress(TimeProvider time, Func<LineCounts> read)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private readonly long _started = time.GetTimestamp();

    /// <summary>Runs <paramref name="work"/> and shows how far it is. What it reads is read for the last time before this returns or throws.</summary>
    /// <param name="summarize">Whether the line at the end is written although stderr is no terminal.</param>
    public Task RunAsync(Func<Task> work, bool summarize)
    {
        if (!Console.IsErrorRedirected) return RunAsync(work, AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) }));
        return summarize ? RunAsync(work, Console.Error) : work();
    }

    /// <summary>As above, where nothing can be drawn.</summary>
    internal async Task RunAsync(Func<Task> work, TextWriter output)
    {
        try
        {
            await work();
        }
        finally
        {
            await output.WriteLineAsync(Summary());
        }
    }

    /// <summary>As above, on a console that is a terminal.</summary>
    internal async Task RunAsync(Func<Task> work, IAnsiConsole console)
    {
        // Nothing is drawn by a timer or a thread of its own, which could read what is closed by then.
        var progress = new Progress(console, time) { AutoRefresh = false, AutoClear = true, ExcludeVerticalPadding = true };
        progress.Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn());
        try
        {
            await progress.StartAsync(drawn => FollowAsync(work(), drawn));
        }
        finally
        {
            console.WriteLine(Summary());
        }
    }

    private async Task FollowAsync(Task work, ProgressContext drawn)
    {
        try
        {
            var line = drawn.AddTask("lines", maxValue: 1);
            while (!work.IsCompleted)
            {
                var share = read().Share;
                line.IsIndeterminate = share is null;
                line.Value = share ?? 0;
                line.Description = string.Create(CultureInfo.InvariantCulture, $"{Counts(read())}, {TextsPerSecond():N0} texts/s");
                drawn.Refresh();
                await Task.WhenAny(work, Task.Delay(s_interval, time));
            }
        }
        finally
        {
            await work; // also when the terminal is gone
        }
    }

    private string Summary()
    {
        var counts = read();
        var reasons = string.Join(", ", counts.Reasons.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Reason.WireName()} {r.Count:N0}")));
        var why = reasons.Length > 0 ? $" ({reasons})" : "";
        var seconds = time.GetElapsedTime(_started).TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture, $"{Counts(counts)}{why}, {seconds:N1} s, {TextsPerSecond():N0} texts/s");
    }

    private static string Counts(LineCounts counts)
    {
        var withoutText = counts.WithoutText > 0 ? string.Create(CultureInfo.InvariantCulture, $"{counts.WithoutText:N0} without text, ") : "";
        var texts = counts.Texts == 1 ? "text" : "texts";
        return string.Create(CultureInfo.InvariantCulture, $"{counts.Texts:N0} {texts}, {withoutText}{counts.Rejected:N0} rejected");
    }

    private double TextsPerSecond() => read().Texts / time.GetElapsedTime(_started).TotalSeconds;
}
