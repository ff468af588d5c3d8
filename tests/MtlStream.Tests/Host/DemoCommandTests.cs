using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Host.Demo;
using MtlStream.Host.Pictures;
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

    [Fact]
    public void The_picture_fits_a_terminal_of_eighty_columns_and_twenty_four_lines()
    {
        var tally = Filled(out var time);

        var lines = new DemoView(tally, time).Lines(80, 23);

        Assert.InRange(lines.Count, 20, 23);
        Assert.All(lines, line => Assert.InRange(line.Sum(p => WordWrap.Cells(p.Text)), 0, 80));
        Assert.DoesNotContain(lines, line => line.Any(p => p.Text.Contains('\n')));
        Assert.True(new DemoView(tally, time).Lines(120, 39).Count > lines.Count);
        Assert.Equal(5, new DemoView(tally, time).Lines(80, 5).Count);
    }

    [Fact]
    public void Labels_that_the_model_is_not_sure_of_are_not_shown()
    {
        var tally = Filled(out _);

        Assert.All(tally.Latest, shown => Assert.DoesNotContain(shown.Labels, l => l.Label == "doubtful"));
        Assert.Contains(tally.Labels, l => l is { Task: "size", Label: "(out of scope)" });
    }

    [Fact]
    public void What_waited_for_the_start_is_the_warm_up_and_not_the_latency()
    {
        var time = new FakeTimeProvider();
        var tally = new DemoTally(time);
        tally.Produced("a");
        tally.Produced("b");
        time.Advance(TimeSpan.FromSeconds(3));
        tally.CameBack("a", [], deadLetter: true);
        Assert.InRange(tally.Report().P99Ms, 2900, 3100); // nothing else is known yet
        tally.Produced("c");
        time.Advance(TimeSpan.FromMilliseconds(20));
        tally.CameBack("b", [], deadLetter: true);
        tally.CameBack("c", [], deadLetter: true);

        Assert.Equal(TimeSpan.FromSeconds(3), tally.WarmUp);
        Assert.InRange(tally.Report().P99Ms, 19, 21);
        Assert.EndsWith("warm-up 3.0 s", new DemoView(tally, time).Status(), StringComparison.Ordinal);
    }

    /// <summary>What the shipped model is sure of must be right: these are the first labels that a newcomer sees.</summary>
    [Fact]
    public async Task The_samples_embarrass_nobody()
    {
        var samples = new SampleEvents();
        var good = Enumerable.Range(0, samples.Count).Where(n => !samples.IsBad(n)).Select(n => Encoding.UTF8.GetString(samples.Payload(n)));

        var result = await Cli.RunAsync(string.Join('\n', good), "annotate", "-", "--device", "cpu");

        Assert.True(result.ExitCode == 0, result.Error);
        foreach (var shown in result.Lines.Select(l => JsonSerializer.Deserialize<JsonElement>(l)))
        {
            var (style, text, tasks) = (shown.GetProperty("style").GetString(), shown.GetProperty("text").GetString(), shown.GetProperty("analysis").GetProperty("tasks"));
            Assert.True(style == "rude" == (Sure(tasks, "offensive") == "yes"), $"offensive: {text}");
            Assert.True(style is "news" or "forum" or "social" || Sure(tasks, "topic") is null, $"topic: {text}");
            Assert.True(style is not ("news" or "forum" or "long" or "other") || Sure(tasks, "intent") is null, $"intent: {text}");
        }
    }

    private static string? Sure(JsonElement tasks, string task)
    {
        var found = tasks.GetProperty(task);
        return found.GetProperty("score").GetDouble() >= DemoTally.ShownFrom ? found.GetProperty("label").GetString() : null;
    }

    private static DemoTally Filled(out FakeTimeProvider time)
    {
        time = new FakeTimeProvider();
        var tally = new DemoTally(time);
        var long200 = string.Concat(Enumerable.Repeat("東京 is\nfar, ", 20));
        var payload = $$"""
            {"text": {{JsonSerializer.Serialize(long200)}}, "analysis": {"tasks": {
              "pos": {"tags": [{"start": 0, "end": 2, "label": "PROPN"}]}, "names": {"spans": [{"start": 0, "end": 2, "label": "LOC"}]},
              "mood": {"label": "calm", "score": 0.9}, "size": {"label": null, "score": 0.1}, "topic": {"label": "doubtful", "score": 0.4},
              "offensive": {"label": "no"}, "emotion": {"labels": [{{string.Join(", ", Enumerable.Range(0, 40).Select(i => $$"""{"label": "emotion{{i}}", "score": 0.9}"""))}}]}
            } } }
            """;
        for (var i = 0; i < 40; i++)
        {
            tally.Produced($"{i}");
            time.Advance(TimeSpan.FromMilliseconds(5));
            tally.CameBack($"{i}", Encoding.UTF8.GetBytes(payload), deadLetter: false);
        }

        return tally;
    }
}
