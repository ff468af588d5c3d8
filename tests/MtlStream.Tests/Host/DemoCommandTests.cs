using System.Text.Json;
using MtlStream.Host.Demo;
using MtlStream.Host;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class DemoCommandTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task Every_event_comes_back_as_a_result_or_a_dead_letter()
    {
        var samples = new SampleEvents();
        var bad = Enumerable.Range(0, 150).Count(n => samples.IsBad(n));

        var result = await Cli.RunAsync("", "demo", "--events", "150", "--json", "--model", _package.Folder, "--device", "cpu");

        Assert.True(result.ExitCode == 0, result.Error);
        var report = JsonSerializer.Deserialize<JsonElement>(Assert.Single(result.Lines));
        Assert.Equal(["produced", "enriched", "deadLettered", "eventsPerSecond", "p50Ms", "p99Ms"], report.EnumerateObject().Select(p => p.Name));
        Assert.Equal(150, report.GetProperty("produced").GetInt64());
        Assert.Equal(150 - bad, report.GetProperty("enriched").GetInt64());
        Assert.Equal(bad, report.GetProperty("deadLettered").GetInt64());
        Assert.True(report.GetProperty("p50Ms").GetDouble() is > 0 and var p50 && p50 <= report.GetProperty("p99Ms").GetDouble());
    }

    [Fact]
    public async Task Ctrl_C_drains_and_ends_well()
    {
        using var process = Cli.Start("demo", "--rate", "50", "--model", _package.Folder, "--device", "cpu");
        var error = process.StandardError.ReadToEndAsync();
        string? line;
        while ((line = await process.StandardOutput.ReadLineAsync()) is not null && (line.StartsWith("0 ", StringComparison.Ordinal) || line.Contains(" 0 enriched", StringComparison.Ordinal)))
        {
            // Until something has come back.
        }

        Cli.Signal(process, "INT");

        var rest = await process.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(3));
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        Assert.True(process.ExitCode == 0, await error);
        var numbers = rest.TrimEnd('\n').Split('\n')[^1].Split(' ').Where(w => long.TryParse(w, out _)).Select(long.Parse).ToList();
        Assert.Equal(numbers[0], numbers[1] + numbers[2]);
    }

    [Fact]
    public async Task Events_that_are_far_apart_and_a_model_that_is_slow_with_each_are_waited_for()
    {
        var (time, produced) = (new SteppedTime(), new TaskCompletionSource());
        var tally = new DemoTally(time);
        var returned = DemoCommand.ReturnedAsync(produced.Task, tally, time);

        for (var number = 0; number < 3; number++)
        {
            await time.PassAsync(TimeSpan.FromMinutes(5), returned); // none is away
            tally.Produced($"{number}");
            await time.PassAsync(TimeSpan.FromSeconds(29), returned);
            Assert.False(returned.IsCompleted);
            tally.CameBack($"{number}", [], deadLetter: true);
        }

        produced.SetResult();
        await time.PassAsync(TimeSpan.FromMilliseconds(10), returned);
        Assert.True(returned.IsCompletedSuccessfully);
        Assert.Equal((3, 0), (tally.Returned, tally.Away));
    }

    [Fact]
    public async Task An_event_that_does_not_come_back_is_given_up()
    {
        var time = new SteppedTime();
        var tally = new DemoTally(time);
        tally.Produced("0");
        var returned = DemoCommand.ReturnedAsync(Task.CompletedTask, tally, time);

        await time.PassAsync(TimeSpan.FromSeconds(31), returned);

        Assert.True(returned.IsCompletedSuccessfully);
        Assert.Equal(1, tally.Away);
    }

    [Fact]
    public void The_samples_are_of_several_styles_and_some_are_bad()
    {
        var samples = new SampleEvents();
        var round = Enumerable.Range(0, samples.Count).Select(n => Convert.ToBase64String(samples.Payload(n))).ToList();

        Assert.True(samples.Count >= 60, $"{samples.Count} samples");
        Assert.Equal(samples.Count, round.Distinct().Count());
        Assert.InRange(Enumerable.Range(0, samples.Count).Count(n => samples.IsBad(n)), 5, samples.Count / 8);
    }

    /// <summary>A clock for one who waits: it stands still but for <see cref="PassAsync"/>.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        private Action? _wake; // set while someone waits
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Volatile.Write(ref _wake, () => callback(state));
            return new Alarm();
        }

        /// <summary>Wakes the one who waits so much later; completes when it waits again, or has ended.</summary>
        public async Task PassAsync(TimeSpan time, Task waiting)
        {
            var wake = Interlocked.Exchange(ref _wake, null);
            Volatile.Write(ref _now, _now + time.Ticks);
            wake!();
            while (Volatile.Read(ref _wake) is null && !waiting.IsCompleted) await Task.Yield();
        }

        private sealed class Alarm : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
