using System.Text;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests;

public sealed class AnalyticsPipelineTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();

    private static string Event(int id, string text = "good morning") => $$"""{"id":{{id}},"text":"{{text}}"}""";

    private static long[] Offsets(IEnumerable<SourcePosition> positions) => [.. positions.Select(p => p.Offset).Order()];

    private static string Reason(OutboundRecord deadLetter) =>
        Encoding.UTF8.GetString(deadLetter.Headers.Single(h => h.Key == "mtlstream.reason").Value!);

    private static bool HasText(TokenBatch batch, string text) => batch.Sequences.Any(r => ((TokenizedEvent)r.Owner!).Event.Text.Contains(text, StringComparison.Ordinal));

    [Fact]
    public async Task Every_event_is_published_once_acknowledged_once_and_then_the_source_is_completed()
    {
        var source = new InMemorySource(Enumerable.Range(0, 20_000).Select(i => Event(i)));
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None);

        Assert.Equal(20_000, sink.To(Destination.Results).Count());
        Assert.Equal(Enumerable.Range(0, 20_000).Select(i => (long)i), Offsets(source.Acknowledged));
        Assert.True(source.Completed);
    }

    [Fact]
    public async Task What_a_source_leaves_with_an_event_its_sink_finds_with_the_answer()
    {
        var waiting = Enumerable.Range(0, 100).Select(_ => new object()).ToList();
        var source = new InMemorySource(
            waiting.Select((_, i) => (i % 3) switch { 0 => Event(i), 1 => null, _ => "not json" })) { Correlation = i => waiting[(int)i] };
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None);

        Assert.Equal(waiting, sink.Published.Select(r => r.Source.Correlation));
    }

    [Fact]
    public async Task Everything_of_a_partition_leaves_in_source_order_results_dead_letters_and_tombstones_alike()
    {
        var source = new InMemorySource(
            Enumerable.Range(0, 6_000).Select(i => (i % 50) switch { 7 => "not json", 9 => null, _ => Event(i, new string('a', 1 + (i % 90))) }), partitions: 3);
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None);

        foreach (var partition in sink.Published.GroupBy(r => r.Source.Position.Partition))
            Assert.Equal(Enumerable.Range(0, 2_000).Select(i => (long)i), partition.Select(r => r.Source.Position.Sequence));
        Assert.Equal(120, sink.To(Destination.DeadLetters).Count());
        Assert.Equal(120, sink.To(Destination.Results).Count(r => r.Payload is null));
    }

    [Fact]
    public async Task Malformed_events_go_to_the_dead_letters_with_their_reason_and_cost_no_neighbour_its_result()
    {
        var source = new InMemorySource([Event(0), "not json", Event(2, "  "), """{"text":3}""", "{}", Event(5)]);
        var sink = new RecordingSink();

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None);

        Assert.Equal(2, sink.To(Destination.Results).Count());
        Assert.Equal(["malformed_payload", "empty_text", "wrong_type", "missing_text"], sink.To(Destination.DeadLetters).Select(Reason));
        Assert.Equal([0L, 1, 2, 3, 4, 5], Offsets(source.Acknowledged));
    }

    [Fact]
    public async Task Each_channel_and_the_model_are_observed_once_however_many_runs_there_were()
    {
        using var meters = new MeterRecorder();
        var metrics = new PipelineMetrics(meters);
        for (var run = 0; run < 3; run++) await Make.Pipeline(new InMemorySource([Event(0)]), new RecordingSink(), metrics: metrics).RunAsync(CancellationToken.None);

        var capacities = meters.Of("mtlstream.lane.capacity").Select(t => t.Tags["mtlstream.lane"]).ToList();

        Assert.Equal(6, capacities.Count);
        Assert.Equal(capacities.Distinct(), capacities);
        Assert.Single(meters.All, t => t.Name == "mtlstream.model.serving");
    }

    [Fact]
    public async Task A_result_that_the_broker_refuses_for_good_becomes_a_dead_letter()
    {
        var source = new InMemorySource(Enumerable.Range(0, 100).Select(i => Event(i)));
        var sink = new RecordingSink
        {
            Refuse = r => r.Destination == Destination.Results && r.Source.Position.Offset == 40
                ? new(RejectionReason.OutputTooLarge, "2 MB, at most 1 MB") : null,
        };

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None);

        var deadLetter = Assert.Single(sink.To(Destination.DeadLetters));
        Assert.Equal(("output_too_large", 40L), (Reason(deadLetter), deadLetter.Source.Position.Offset));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), Offsets(source.Acknowledged));
    }

    [Theory]
    [InlineData(Destination.Results, "RecordRefused")]
    [InlineData(Destination.Review, "ReviewCopyLost")]
    public async Task What_is_refused_again_and_again_is_one_line_in_half_a_minute(Destination refused, string line)
    {
        var log = new FakeLogger<AnalyticsPipeline>();
        var size = 0;
        var sink = new RecordingSink
        {
            Refuse = r => r.Destination == refused ? new(RejectionReason.OutputTooLarge, $"{++size} bytes, at most 0") : null,
        };
        var model = new TableModel();
        using var meters = new MeterRecorder();
        var watch = new DriftMonitor(meters, new() { Review = new Dictionary<string, double> { ["sentiment"] = 1.1 } }, model.Tasks, -1, reference: null);
        var source = new InMemorySource(Enumerable.Range(0, 300).Select(i => Event(i)));

        await Make.Pipeline(source, sink, model, log: log, watch: watch).RunAsync(CancellationToken.None);

        Assert.Equal(300, size);
        Assert.InRange(log.Collector.GetSnapshot().Count(l => l.Id.Name == line), 1, 10);
    }

    [Fact]
    public async Task A_dead_letter_that_is_refused_ends_the_run_and_is_not_acknowledged()
    {
        var source = new InMemorySource([Event(0), "not json"], endless: true);
        var sink = new RecordingSink { Refuse = r => r.Destination == Destination.DeadLetters ? new(RejectionReason.OutputTooLarge, "too large") : null };

        var failure = await Assert.ThrowsAsync<PipelineException>(() => Make.Pipeline(source, sink).RunAsync(CancellationToken.None).WaitAsync(s_deadline));

        Assert.Equal("refuse", failure.Stage);
        Assert.DoesNotContain(source.Acknowledged, p => p.Offset == 1);
    }

    [Theory]
    [InlineData(LetterForm.Packed, false)]
    [InlineData(LetterForm.Packed, true)]
    [InlineData(LetterForm.Bare, false)]
    [InlineData(LetterForm.Bare, true)]
    public async Task A_dead_letter_that_is_too_large_becomes_smaller_until_it_fits(LetterForm taken, bool late)
    {
        var source = new InMemorySource([Event(0), new('x', 5000), Event(2)]);
        var sink = new RecordingSink
        {
            Refuse = r => r.Destination == Destination.DeadLetters && r.Form < taken ? new(RejectionReason.OutputTooLarge, "too large") : null,
            ReportsWhenFlushed = late,
        };

        await Make.Pipeline(source, sink).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        var letter = Assert.Single(sink.To(Destination.DeadLetters));
        Assert.Equal((taken, "malformed_payload"), (letter.Form, Reason(letter)));
        Assert.Equal([0L, 1, 2], Offsets(source.Acknowledged));
    }

    [Fact]
    public async Task A_stop_drains_what_was_received()
    {
        using var stop = new CancellationTokenSource();
        var source = new InMemorySource(Enumerable.Range(0, 100_000).Select(i => Event(i)), endless: true);
        var sink = new RecordingSink();

        var run = Make.Pipeline(source, sink).RunAsync(stop.Token);
        await sink.Reached.Task.WaitAsync(s_deadline);
        await stop.CancelAsync();
        await run.WaitAsync(s_deadline);

        Assert.Equal(source.Received, source.Acknowledged.Count);
        Assert.True(source.Completed);
    }

    [Fact]
    public async Task A_sink_that_fails_ends_the_run_naming_the_stage_and_acknowledges_nothing_more()
    {
        var source = new InMemorySource(Enumerable.Range(0, 100_000).Select(i => Event(i)), endless: true);
        var sink = new RecordingSink { BeforePublish = r => r.Source.Position.Offset == 3 ? Task.FromException(new IOException("broker gone")) : Task.CompletedTask };

        var failure = await Assert.ThrowsAsync<PipelineException>(() => Make.Pipeline(source, sink).RunAsync(CancellationToken.None).WaitAsync(s_deadline));

        Assert.Equal("publish", failure.Stage);
        Assert.Equal([0L, 1, 2], Offsets(source.Acknowledged));
        Assert.False(source.Completed);
    }

    [Fact]
    public async Task A_stop_that_cannot_drain_gives_up_after_the_timeout()
    {
        using var stop = new CancellationTokenSource();
        var source = new InMemorySource(Enumerable.Range(0, 10).Select(i => Event(i)), endless: true);
        var sink = new RecordingSink { BeforePublish = _ => Task.Delay(Timeout.Infinite) };

        var run = Make.Pipeline(source, sink, batching: new() { Linger = TimeSpan.Zero }, time: _time).RunAsync(stop.Token);
        await sink.Reached.Task.WaitAsync(s_deadline);
        await stop.CancelAsync();
        await _time.PassUntilAsync(s_step, run);

        await Assert.ThrowsAsync<TimeoutException>(() => run);
        Assert.Empty(source.Acknowledged);
        Assert.False(source.Completed);
    }

    [Fact]
    public async Task What_failed_is_told_although_a_stage_is_inside_a_call_that_does_not_come_back()
    {
        using var over = new ManualResetEventSlim();
        var inside = new TaskCompletionSource();
        var model = new TableModel
        {
            Shape = new(1, 16, []),
            Refuse = batch =>
            {
                if (!HasText(batch, "hang")) return null;
                inside.SetResult();
                over.Wait();
                return null;
            },
        };
        var sink = new RecordingSink { BeforePublish = async _ => { await inside.Task; throw new IOException("broker gone"); } };
        var source = new InMemorySource([Event(0), Event(1, "hang")], endless: true);
        var run = Make.Pipeline(source, sink, model, batching: new() { Linger = TimeSpan.Zero }, time: _time).RunAsync(CancellationToken.None);
        await sink.Reached.Task.WaitAsync(s_deadline);
        await _time.PassUntilAsync(s_step, run);

        var failure = await Assert.ThrowsAsync<PipelineException>(() => run);

        Assert.Equal("publish", failure.Stage);
        over.Set();
    }

    [Fact]
    public async Task An_answer_that_is_dropped_is_acknowledged_and_not_counted_as_published()
    {
        using var meters = new MeterRecorder();
        var source = new InMemorySource(Enumerable.Range(0, 10).Select(i => Event(i)));
        var sink = new RecordingSink { Drop = r => r.Source.Position.Offset < 4 };

        await Make.Pipeline(source, sink, meters: meters).RunAsync(CancellationToken.None);

        Assert.Equal(Enumerable.Range(0, 10).Select(i => (long)i), Offsets(source.Acknowledged));
        Assert.Equal(6, meters.Of("mtlstream.events.published").Sum(t => t.Value));
    }

    [Fact]
    public async Task A_dead_letter_counts_when_it_is_durable_and_once_however_often_it_was_tried()
    {
        using var meters = new MeterRecorder();
        var source = new InMemorySource(["not json", "not json"]); // the second stands for the first, delivered again
        var sink = new RecordingSink { Drop = r => r.Source.Position.Offset == 0 };

        await Make.Pipeline(source, sink, meters: meters).RunAsync(CancellationToken.None);

        Assert.Equal(1, meters.Of("mtlstream.events.rejected").Where(t => Equals(t.Tags["error.type"], "malformed_payload")).Sum(t => t.Value));
        Assert.Equal(1, meters.Of("mtlstream.events.rejected").Sum(t => t.Value));
    }

    [Fact]
    public async Task A_last_commit_that_takes_too_long_is_a_drain_that_does()
    {
        using var stop = new CancellationTokenSource();
        var source = new InMemorySource([Event(0)], endless: true) { Completing = abort => Task.Delay(Timeout.Infinite, abort) };
        var sink = new RecordingSink();

        var run = Make.Pipeline(source, sink, batching: new() { Linger = TimeSpan.Zero }, time: _time).RunAsync(stop.Token);
        await sink.Reached.Task.WaitAsync(s_deadline);
        await stop.CancelAsync();
        await _time.PassUntilAsync(s_step, run);

        await Assert.ThrowsAsync<TimeoutException>(() => run);
        Assert.False(source.Completed);
    }

    [Fact]
    public async Task An_abort_drops_what_is_in_flight_at_once()
    {
        using var abort = new CancellationTokenSource();
        var source = new InMemorySource(Enumerable.Range(0, 10).Select(i => Event(i)), endless: true);
        var sink = new RecordingSink { BeforePublish = _ => Task.Delay(Timeout.Infinite) };

        var run = Make.Pipeline(source, sink).RunAsync(CancellationToken.None, abort.Token);
        await sink.Reached.Task.WaitAsync(s_deadline);
        await abort.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(s_deadline));
        Assert.Empty(source.Acknowledged);
    }

    [Fact]
    public async Task Without_partition_order_a_slow_event_holds_nobody_back()
    {
        var release = new TaskCompletionSource();
        var others = 0;
        var model = new TableModel { Refuse = b => { if (HasText(b, "slow")) release.Task.GetAwaiter().GetResult(); return null; }, Shape = new(1, 4096, []) };
        var source = new InMemorySource([Event(0, "slow"), .. Enumerable.Range(1, 200).Select(i => Event(i))]);
        var sink = new RecordingSink { BeforePublish = _ => { if (++others == 200) release.TrySetResult(); return Task.CompletedTask; } };

        await Make.Pipeline(source, sink, model, new() { KeepPartitionOrder = false }).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        Assert.Equal(201, sink.Published.Count);
        Assert.Equal(0, sink.Published.Last().Source.Position.Offset);
    }
}
