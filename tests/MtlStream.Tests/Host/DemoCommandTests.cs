using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
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
    public void Events_that_are_far_apart_and_a_model_that_is_slow_with_each_are_waited_for()
    {
        SynchronizationContext.SetSynchronizationContext(null); // who waits goes on inside Advance
        var (time, produced) = (new FakeTimeProvider(), new TaskCompletionSource());
        var tally = new DemoTally(time);
        var returned = DemoCommand.ReturnedAsync(produced.Task, tally, time);

        for (var number = 0; number < 3; number++)
        {
            time.Advance(TimeSpan.FromMinutes(5)); // none is away
            tally.Produced($"{number}");
            time.Advance(TimeSpan.FromSeconds(29));
            Assert.False(returned.IsCompleted);
            tally.CameBack($"{number}", [], deadLetter: true);
        }

        produced.SetResult();
        time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.True(returned.IsCompletedSuccessfully);
        Assert.Equal((3, 0), (tally.Returned, tally.Away));
    }

    [Fact]
    public void An_event_that_does_not_come_back_is_given_up()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        var time = new FakeTimeProvider();
        var tally = new DemoTally(time);
        tally.Produced("0");
        var returned = DemoCommand.ReturnedAsync(Task.CompletedTask, tally, time);

        time.Advance(TimeSpan.FromSeconds(31));

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
}
