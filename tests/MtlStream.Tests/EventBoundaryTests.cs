using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests;

/// <summary>One event that trips a bug, wherever that is, costs nothing but its own result.</summary>
public sealed class EventBoundaryTests : IDisposable
{
    private const string Secret = "xyzzy";

    private const string Tokenizes = nameof(Tokenizes); // by way of a counter, which it alone moves

    private static readonly string s_longest = Secret + string.Concat(Enumerable.Repeat(" good", 5000)); // is cut
    private static readonly string s_long = Secret + string.Concat(Enumerable.Repeat(" good", 60)); // several windows

    private readonly MeterRecorder _meters = new();
    private readonly MeterListener _listener = new();
    private readonly FakeLogger<AnalyticsPipeline> _log = new();
    private readonly RecordingSink _sink = new();

    public void Dispose()
    {
        _listener.Dispose();
        _meters.Dispose();
    }

    public static TheoryData<string, string, string> Places => new()
    {
        // where, stage, payload
        { nameof(BuggyCodec.Decodes), "decode", Text(Secret) },
        { nameof(BuggyCodec.Decodes), "decode", $"[{Text("good")},{Text(Secret)}]" },
        { Tokenizes, "decode", Text(s_longest) },
        { Tokenizes, "decode", $"[{Text("good")},{Text(s_longest)},{Text("good")}]" },
        { nameof(BuggyModel.Predicts), "score", Text(Secret) },
        { nameof(BuggyModel.Predicts), "score", Text(s_long) },
        { nameof(BuggyModel.Predicts), "score", $"[{Text("good")},{Text(Secret)}]" },
        { nameof(BuggyTask.Merges), "encode", Text(s_long) },
        { nameof(BuggyTask.Validates), "encode", Text(Secret) },
        { nameof(BuggyTask.Writes), "encode", Text(Secret) },
        { nameof(BuggyTask.Writes), "encode", Text(s_long) },
        { nameof(BuggyTask.Writes), "encode", $"[{Text(Secret)},{Text("good")}]" },
        { nameof(BuggyCodec.Answers), "encode", Text(Secret) },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public async Task An_event_that_trips_a_bug_is_a_dead_letter_and_its_neighbours_have_their_results(string where, string stage, string payload)
    {
        const int culprit = 40;
        var source = new InMemorySource(Enumerable.Range(0, 100).Select(i => i == culprit ? payload : Text("good morning")));

        await Pipeline(source, where).RunAsync(CancellationToken.None);

        Assert.Equal(99, _sink.To(Destination.Results).Count());
        var letter = DeadLetter.Of(Assert.Single(_sink.To(Destination.DeadLetters)));
        Assert.Equal((RejectionReason.InternalError, stage, (long)culprit), (letter.Reason, letter.Stage, letter.Offset));
        Assert.Equal(payload, Encoding.UTF8.GetString(letter.Payload!));
        Assert.Contains(typeof(BugException).FullName!, letter.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, letter.Message, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), source.Acknowledged.Select(p => p.Offset).Order());
        Assert.Equal(1, Rejected("internal_error"));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task The_log_says_which_event_and_where_in_the_code_and_nothing_of_the_text(string where, string stage, string payload)
    {
        await Pipeline(new InMemorySource([Text("good"), payload, Text("good")]), where).RunAsync(CancellationToken.None);

        var line = Assert.Single(_log.Collector.GetSnapshot(), l => l.Id.Name == "EventFailed");
        Assert.Equal(LogLevel.Error, line.Level);
        Assert.Contains("input/0/1 ", line.Message, StringComparison.Ordinal);
        Assert.Contains($"stage {stage} ", line.Message, StringComparison.Ordinal);
        Assert.Contains(typeof(BugException).FullName!, line.Message, StringComparison.Ordinal);
        Assert.Contains($"Caused by {typeof(FormatException).FullName}", line.Message, StringComparison.Ordinal);
        Assert.Contains($"   at {typeof(EventBoundaryTests).FullName}.", line.Message, StringComparison.Ordinal);
        Assert.All(_log.Collector.GetSnapshot(), l => Assert.DoesNotContain(Secret, l.Message + l.Exception, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stream_of_nothing_but_such_events_comes_to_its_end()
    {
        var source = new InMemorySource(Enumerable.Repeat(Text(Secret), 500));

        await Pipeline(source, nameof(BuggyModel.Predicts)).RunAsync(CancellationToken.None);

        Assert.Equal(500, _sink.To(Destination.DeadLetters).Count());
        Assert.Equal(500, source.Acknowledged.Count);
        Assert.True(source.Completed);
        Assert.InRange(_log.Collector.GetSnapshot().Count(l => l.Id.Name == "EventFailed"), 1, 10); // one in half a minute
    }

    [Fact]
    public async Task A_model_that_also_fails_on_a_known_good_text_ends_the_run_and_rejects_nothing()
    {
        var model = new BuggyModel(nameof(BuggyModel.Predicts)) { OnProbe = () => throw new BugException() };

        var failure = await Assert.ThrowsAsync<PipelineException>(() =>
            Pipeline(new InMemorySource([Text("good"), Text(Secret)], endless: true), "", model).RunAsync(CancellationToken.None));

        Assert.Equal("score", failure.Stage);
        Assert.Empty(_sink.To(Destination.DeadLetters));
    }

    [Fact]
    public async Task A_message_of_several_events_whose_answer_cannot_be_put_together_is_a_dead_letter()
    {
        await Pipeline(new InMemorySource([Text("good"), Text(Secret), Text("good")]), nameof(BuggyCodec.Joins)).RunAsync(CancellationToken.None);

        Assert.Equal([0L, 2], _sink.To(Destination.Results).Select(r => r.Source.Position.Offset));
        Assert.Equal(RejectionReason.InternalError, DeadLetter.Of(Assert.Single(_sink.To(Destination.DeadLetters))).Reason);
    }

    [Fact]
    public async Task A_bug_in_watching_the_model_costs_no_result()
    {
        await Pipeline(new InMemorySource([Text("good"), Text(Secret), Text("good")]), nameof(BuggyTask.Observes)).RunAsync(CancellationToken.None);

        Assert.Equal(3, _sink.To(Destination.Results).Count());
        var line = Assert.Single(_log.Collector.GetSnapshot(), l => l.Level == LogLevel.Error);
        Assert.Contains("input/0/1 ", line.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, line.Message, StringComparison.Ordinal);
    }

    private static string Text(string text) => $$"""{"text":"{{text}}"}""";

    private double Rejected(string reason) =>
        _meters.Of("mtlstream.events.rejected").Where(t => Equals(t.Tags["error.type"], reason)).Sum(t => t.Value);

    private AnalyticsPipeline Pipeline(InMemorySource source, string where, BuggyModel? model = null)
    {
        model ??= new(where);
        var metrics = new PipelineMetrics(_meters);
        if (where == Tokenizes) TripOn("mtlstream.events.truncated");
        return Make.Pipeline(
            source, _sink, model, log: _log, metrics: metrics, codecs: [new BuggyCodec(where)],
            watch: new DriftMonitor(_meters, new(), BuggyModel.TasksOf(where), -1, reference: null));
    }

    /// <summary>What a bug throws; its message repeats the text, as those of the framework may.</summary>
    private sealed class BugException() : Exception($"cannot read {Secret}", new FormatException($"{Secret} is no number"));

    private void TripOn(string counter)
    {
        _listener.SetMeasurementEventCallback<long>((_, _, _, _) => Trip());
        _listener.EnableMeasurementEvents(_meters.Instruments.Single(i => i.Name == counter));
    }

    private static void Trip() => throw new BugException();

    /// <summary>Takes what has the word in it, and trips over it.</summary>
    private sealed class BuggyCodec(string where) : PayloadCodec
    {
        public bool Decodes { get; } = where == nameof(Decodes);
        public bool Answers { get; } = where == nameof(Answers);
        public bool Joins { get; } = where == nameof(Joins);

        public override bool TryDecode(in Payload payload, out Decoding decoding)
        {
            decoding = default;
            if (!Encoding.UTF8.GetString(payload.Bytes).Contains(Secret, StringComparison.Ordinal)) return false;
            if (Decodes) Trip();
            if (!Answers && !Joins) return false;
            var located = new LocatedText(new(payload.Bytes, 9, payload.Bytes.Length - 2), new(payload.Bytes.Length - 1, NeedsComma: true));
            if (Answers) decoding = Decoding.Found(located);
            else decoding = Decoding.Many(new(payload.Bytes, 0, [(4, 2), (1, 3)], [Decoding.Found(located), Decoding.Found(located)]));
            return true;
        }

        public override byte[] Answer(TextEvent decoded, in Analysis analysis)
        {
            if (Answers) Trip();
            return [];
        }
    }

    private sealed class BuggyModel(string where) : IMultitaskModel
    {
        private readonly TableModel _inner = new() { Tasks = TasksOf(where) };

        public Action? OnProbe { get; init; }
        public bool Predicts { get; } = where == nameof(Predicts);
        public ModelIdentity Identity => _inner.Identity;
        public BatchShape Shape => _inner.Shape;
        public int Workers => _inner.Workers;

        public IReadOnlyList<ModelTask> Tasks => _inner.Tasks;

        public static IReadOnlyList<ModelTask> TasksOf(string where) => [new TokenTagsTask("pos", ["NOUN", "VERB"]), new BuggyTask(where)];

        public Predictions Predict(TokenBatch batch, int worker)
        {
            if ((Predicts || OnProbe is not null) && batch.Sequences.Any(s => HasSecret(s.Tokens))) Trip();
            return _inner.Predict(batch, worker);
        }

        public void Probe(int worker) => OnProbe?.Invoke();

        public void Dispose()
        {
        }
    }

    // Its letters are the only ones in these tests that are tokens of their own; behind [SEP], good and morning.
    private static bool HasSecret(TokenizedText text)
    {
        foreach (var token in text.Tokens)
            if (token.Id > 5) return true;
        return false;
    }

    private sealed class BuggyTask(string where) : ModelTask("sentiment", "buggy", [], new TaskOutput(ElementType.Number, 2, PerToken: 0))
    {
        public bool Merges { get; } = where == nameof(Merges);
        public bool Validates { get; } = where == nameof(Validates);
        public bool Writes { get; } = where == nameof(Writes);
        public bool Observes { get; } = where == nameof(Observes);

        public override void WriteNeutral(TaskValues values) => values.Floats().Clear();

        public override void Merge(WindowValues windows, TaskValues merged)
        {
            if (Merges) Trip();
            windows.Average(0, merged.Floats());
        }

        public override string? ValidationError(TaskValues values, TokenizedText text)
        {
            if (Validates && HasSecret(text)) Trip();
            return null;
        }

        public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
        {
            if (Writes && HasSecret(text.Tokens)) Trip();
            output.Write("{}"u8);
        }

        public override Shape ShapeOf(AnswerDetail detail) => new Shape.Fields([]);

        public override IReadOnlyList<string> Given(TaskValues values, TaskText text) => [];

        public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts)
        {
            if (Observes && HasSecret(text)) Trip();
            return null;
        }
    }
}
