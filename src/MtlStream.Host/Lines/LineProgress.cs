using System.Globalization;
using Spectre.Console;

namespace MtlStream.Host.Lines;

/// <summary>One line on a terminal's stderr that says how far a command is. Shows nothing when stderr is no terminal.</summary>
/// <param name="read">Lines finished, those of them rejected, and the share of the input that is read; null when its size is unknown.</param>
internal sealed class LineProgress(TimeProvider time, Func<(long Lines, long Rejected, double? Share)> read)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private readonly long _started = time.GetTimestamp();

    /// <summary>Runs <paramref name="work"/> and shows how far it is. What it reads is read for the last time before this returns or throws.</summary>
    public Task RunAsync(Func<Task> work) => Console.IsErrorRedirected
        ? work()
        : RunAsync(work, AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) }));

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
            var seconds = time.GetElapsedTime(_started).TotalSeconds;
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Counts()}, {seconds:N1} s, {LinesPerSecond():N0} lines/s"));
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
                line.Description = string.Create(CultureInfo.InvariantCulture, $"{Counts()}, {LinesPerSecond():N0} lines/s");
                drawn.Refresh();
                await Task.WhenAny(work, Task.Delay(s_interval, time));
            }
        }
        finally
        {
            await work; // also when the terminal is gone
        }
    }

    private string Counts()
    {
        var (lines, rejected, _) = read();
        return string.Create(CultureInfo.InvariantCulture, $"{lines:N0} lines, {rejected:N0} rejected");
    }

    private double LinesPerSecond() => read().Lines / time.GetElapsedTime(_started).TotalSeconds;
}
