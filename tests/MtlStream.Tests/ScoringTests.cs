using System.Text.Json;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests;

/// <summary>How the pipeline forms batches, and what it does with those that the model does not take.</summary>
public sealed class ScoringTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    private readonly FakeTimeProvider _time = new();

    private static string Event(int id, string text = "good morning") => $$"""{"id":{{id}},"text":"{{text}}"}""";

    private static string Reason(OutboundRecord deadLetter) =>
        Encoding.UTF8.GetString(deadLetter.Headers.Single(h => h.Key == "mtlstream.reason").Value!);

    private static bool HasText(TokenBatch batch, string text) => batch.Sequences.Any(r => ((TokenizedEvent)r.Owner!).Event.Text.Contains(text, StringComparison.Ordinal));

    [Fact]
    public async Task One_poisonous_event_among_127_good_ones_is_found_and_the_others_are_enriched()
    {
        var model = new TableModel { Shape = new(128, 1 << 16, []), Refuse = b => HasText(b, "poison") ? new("refused") : null };
        var source = new InMemorySource(Enumerable.Range(0, 128).Select(i => Event(i, i == 77 ? "poison" : "good")));
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink, model).RunAsync(CancellationToken.None);

        Assert.Equal(127, sink.To(Destination.Results).Count());
        var deadLetter = Assert.Single(sink.To(Destination.DeadLetters));
        Assert.Equal(("inference_failed", 77L), (Reason(deadLetter), deadLetter.Source.Position.Offset));
        Assert.True(model.Probes > 0, "the device was not probed before an event was blamed");
    }

    [Fact]
    public async Task A_broken_device_ends_the_run_and_rejects_nothing()
    {
        var model = new TableModel { Refuse = _ => new("device lost"), OnProbe = () => throw new InferenceException("device lost") };
        var source = new InMemorySource(Enumerable.Range(0, 100).Select(i => Event(i)), endless: true);
        var sink = new RecordingSink();

        var failure = await Assert.ThrowsAsync<PipelineException>(() => Make.Pipeline(source, sink, model).RunAsync(CancellationToken.None).WaitAsync(s_deadline));

        Assert.Equal("score", failure.Stage);
        Assert.Empty(sink.Published);
        Assert.Empty(source.Acknowledged);
        Assert.False(source.Completed);
    }

    [Fact]
    public async Task Out_of_memory_makes_batches_smaller_and_costs_no_event()
    {
        var model = new TableModel { Refuse = b => b.Sequences.Count * b.PaddedLength > 40 ? new("no room", outOfMemory: true) : null };
        var source = new InMemorySource(Enumerable.Range(0, 2_000).Select(i => Event(i)));
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink, model).RunAsync(CancellationToken.None);

        Assert.Equal(2_000, sink.To(Destination.Results).Count());
        Assert.Empty(sink.To(Destination.DeadLetters));
        Assert.Equal(0, model.Probes);
    }

    [Fact]
    public async Task One_lack_of_memory_halves_the_budget_once_though_several_parts_and_workers_tell_of_it()
    {
        var (failures, log) = (0, new FakeLogger<AnalyticsPipeline>());
        var model = new TableModel { Shape = new(64, 1024, []), Refuse = b => b.Sequences.Count >= 32 && ++failures < 8 ? new("no room", outOfMemory: true) : null };
        var source = new InMemorySource(Enumerable.Range(0, 2_000).Select(i => Event(i)));

        await Make.Pipeline(source, new RecordingSink(), model, log: log).RunAsync(CancellationToken.None);

        var budgets = log.Collector.GetSnapshot().Where(l => l.Id.Name == "BudgetHalved").Select(l => l.GetStructuredStateValue("PaddedTokens"));
        Assert.All(budgets, b => Assert.True(int.Parse(b!, null) >= 64, $"The budget fell to {b}, although 16 sequences of four tokens had room."));
    }

    [Fact]
    public async Task A_batch_that_has_to_be_scored_in_parts_is_no_failure()
    {
        using var meters = new MeterRecorder();
        var log = new FakeLogger<AnalyticsPipeline>();
        var model = new TableModel { OneByOne = true };
        var sink = new RecordingSink();

        await Make.Pipeline(new InMemorySource(Enumerable.Range(0, 200).Select(i => Event(i))), sink, model, meters: meters, log: log).RunAsync(CancellationToken.None);

        Assert.Equal(200, sink.To(Destination.Results).Count());
        Assert.Equal(0, meters.Of("mtlstream.batches.split").Sum(t => t.Value));
        Assert.DoesNotContain(log.Collector.GetSnapshot(), l => l.Level > LogLevel.Information);
    }

    [Fact]
    public async Task A_batch_that_is_full_of_tokens_says_so()
    {
        var model = new TableModel { Shape = new(100, 8, []) };
        var batching = new BatchingOptions { Linger = TimeSpan.FromSeconds(1) };

        await Make.Pipeline(new InMemorySource([Event(0), Event(1)]), new RecordingSink(), model, batching: batching).RunAsync(CancellationToken.None);

        Assert.Equal((2, 4, BatchTrigger.TokenBudget), Assert.Single(model.Batches));
    }

    [Fact]
    public async Task A_text_longer_than_the_model_comes_back_as_one_result_over_all_its_words()
    {
        var words = string.Join(' ', Enumerable.Repeat("good", 60));
        var source = new InMemorySource([Event(0, words)]);
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None);

        using var result = JsonDocument.Parse(Assert.Single(sink.To(Destination.Results)).Payload!);
        var analysis = result.RootElement.GetProperty("analysis");
        Assert.Equal(60, analysis.GetProperty("tasks").GetProperty("pos").GetProperty("tags").GetArrayLength());
        Assert.False(analysis.GetProperty("truncated").GetBoolean());
    }

    [Fact]
    public async Task One_refused_window_rejects_the_whole_text_once()
    {
        var model = new TableModel { Refuse = b => b.Sequences.Any(r => r.Window == 1) ? new("refused") : null };
        var source = new InMemorySource([Event(0, string.Join(' ', Enumerable.Repeat("good", 60))), Event(1)]);
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink, model).RunAsync(CancellationToken.None);

        Assert.Equal("inference_failed", Reason(Assert.Single(sink.To(Destination.DeadLetters))));
        Assert.Equal(1, Assert.Single(sink.To(Destination.Results)).Source.Position.Offset);
    }

    [Fact]
    public async Task A_lone_event_leaves_after_the_linger_time()
    {
        using var stop = new CancellationTokenSource();
        var source = new InMemorySource([Event(0)], endless: true);
        var (sink, model) = (new RecordingSink(), new TableModel());
        var batching = new BatchingOptions();
        var started = _time.GetTimestamp();

        var run = Make.Pipeline(source, sink, model, batching: batching, time: _time).RunAsync(stop.Token);
        await _time.PassUntilAsync(TimeSpan.FromMilliseconds(1), sink.Reached.Task);
        Assert.True(_time.GetElapsedTime(started) >= batching.Linger);
        await stop.CancelAsync();
        await run;

        Assert.Equal((1, BatchTrigger.Linger), (model.Batches.Single().Sequences, model.Batches.Single().Trigger));
    }

    [Fact]
    public async Task A_device_that_gains_nothing_from_company_never_keeps_an_event_waiting()
    {
        var source = new InMemorySource([Event(0)], endless: true);
        using var stop = new CancellationTokenSource();
        var (sink, model) = (new RecordingSink(), new TableModel { Shape = new(16, 4096, [], BenefitsFromBatching: false) });

        var run = Make.Pipeline(source, sink, model, time: _time).RunAsync(stop.Token); // and no time passes
        await sink.Reached.Task.WaitAsync(s_deadline);
        await stop.CancelAsync();
        await run;

        Assert.Equal(BatchTrigger.DeviceFree, model.Batches.Single().Trigger);
    }
}
