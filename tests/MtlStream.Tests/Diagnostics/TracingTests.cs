using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using MtlStream.Batching;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Diagnostics;

public sealed class TracingTests : IDisposable
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string Parent = $"00-{TraceId}-b7ad6b7169203331-01";

    private static readonly MessagingNames s_names = new("kafka", "workers", "out", "dead");

    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public TracingTests()
    {
        _listener = new()
        {
            ShouldListenTo = source => source.Name == Instrumentation.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.Parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded)
                ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.PropagationData,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public void The_trace_of_an_event_goes_on_in_its_result()
    {
        var record = Record(Parent);

        Tracing.Begin(record, s_names);
        var sent = Tracing.Of(record)!.Send(Make.Outbound(record) with { Headers = record.Headers }, s_names);
        Tracing.Of(record)!.Answered(null, final: true, () => { });

        var spans = _ended.Where(a => a.TraceId.ToString() == TraceId).ToList();
        var (send, process) = (spans.Single(s => s.Kind == ActivityKind.Producer), spans.Single(s => s.Kind == ActivityKind.Consumer));
        Assert.Equal(("process input", "send out"), (process.DisplayName, send.DisplayName));
        Assert.Equal("b7ad6b7169203331", process.ParentSpanId.ToString());
        Assert.Equal(process.SpanId, send.ParentSpanId);
        Assert.Equal(["0"], process.TagObjects.Where(t => t.Key == "messaging.destination.partition.id").Select(t => t.Value));
        Assert.Contains(process.TagObjects, t => t.Key == "messaging.consumer.group.name" && Equals(t.Value, "workers"));
        var carried = Assert.Single(sent.Headers, h => h.Key == "traceparent");
        Assert.Equal($"00-{TraceId}-{send.SpanId}-01", Encoding.ASCII.GetString(carried.Value!));
    }

    [Fact]
    public void An_event_that_is_not_sampled_keeps_its_headers_and_costs_no_span()
    {
        var record = Record($"00-{TraceId}-b7ad6b7169203331-00");

        Tracing.Begin(record, s_names);

        Assert.Null(Tracing.Of(record));
        Assert.Null(Activity.Current);
    }

    [Fact]
    public void A_batch_links_to_its_sampled_events_and_they_to_it()
    {
        var (first, second, unsampled) = (Record(Parent), Record("00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"), Record(null));
        foreach (var record in new[] { first, second, unsampled }) Tracing.Begin(record, s_names);
        var batch = new TokenBatch([.. new[] { first, second, unsampled }.Select(r => Sequence(r))], 4, BatchTrigger.TokenBudget);

        using (var span = Tracing.BeginBatch(batch, new("toy", "7", "cpu"))!)
        {
            Assert.Equal([Tracing.Of(first)!.Context.SpanId, Tracing.Of(second)!.Context.SpanId], span.Links.Select(l => l.Context.SpanId));
            Assert.Contains(span.TagObjects, t => t.Key == "mtlstream.model.version" && Equals(t.Value, "7"));
            Assert.Contains(span.TagObjects, t => t.Key == "mtlstream.batch.trigger" && Equals(t.Value, "token_budget"));
        }

        Tracing.Of(second)!.Answered(null, final: true, () => { });
        var process = _ended.Single(a => a.SpanId == Tracing.Of(second)!.Context.SpanId);
        Assert.Equal(_ended.Single(a => a.DisplayName == "score" && a.Links.Count() == 2).SpanId, Assert.Single(process.Links).Context.SpanId);
        Assert.Null(Tracing.BeginBatch(new TokenBatch([Sequence(unsampled)], 4, BatchTrigger.Linger), new("toy", "7", "cpu")));
    }

    [Fact]
    public void A_dead_letter_ends_the_span_as_an_error_and_keeps_the_events_own_headers()
    {
        var record = Record(Parent);
        Tracing.Begin(record, s_names);
        var letter = new OutboundRecord(Destination.DeadLetters, [], [.. record.Headers, new("mtlstream.reason", "empty_text"u8.ToArray())], record);

        var sent = Tracing.Of(record)!.Send(letter, s_names);
        Tracing.Of(record)!.Answered(Tracing.ReasonOf(sent), final: true, () => { });

        var process = _ended.Single(a => a.SpanId == Tracing.Of(record)!.Context.SpanId);
        Assert.Equal(ActivityStatusCode.Error, process.Status);
        Assert.Contains(process.TagObjects, t => t.Key == "error.type" && Equals(t.Value, "empty_text"));
        Assert.Equal(letter.Headers, sent.Headers);
    }

    [Fact]
    public void What_is_measured_for_a_sampled_event_is_measured_inside_its_span()
    {
        var record = Record(Parent);
        Tracing.Begin(record, s_names);
        Tracing.Of(record)!.Send(Make.Outbound(record), s_names);
        string? seen = null;

        Tracing.Of(record)!.Answered(null, final: true, () => seen = Activity.Current?.TraceId.ToString());

        Assert.Equal(TraceId, seen);
        Assert.Null(Activity.Current);
    }

    [Fact]
    public void Spans_and_their_attributes_are_those_of_the_documented_table()
    {
        var (record, tombstone) = (Record(Parent), Make.Record(1, headers: [new("traceparent", Encoding.ASCII.GetBytes(Parent))]) with { Payload = null });
        foreach (var begun in new[] { record, tombstone }) Tracing.Begin(begun, s_names);
        Tracing.BeginBatch(new TokenBatch([Sequence(record)], 4, BatchTrigger.Linger), new("toy", "7", "cpu"))!.Dispose();
        Tracing.Of(record)!.Send(Make.Outbound(record), s_names);
        Tracing.Of(record)!.Answered("inference_failed", final: true, () => { });
        Tracing.Of(tombstone)!.Answered(null, final: true, () => { });

        var found = _ended.GroupBy(s => $"{s.DisplayName.Split(' ')[0]} {s.Kind.ToString().ToLowerInvariant()}")
            .Select(g => $"{g.Key} {string.Join(' ', g.SelectMany(s => s.TagObjects.Select(t => t.Key)).Distinct().Order(StringComparer.Ordinal))}");

        Assert.Equal(DocumentedSpans().Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    /// <summary>First word of the name, kind and attributes of each row: <c>| `process TOPIC` | consumer | `attribute`, ... | ...</c>.</summary>
    private static IEnumerable<string> DocumentedSpans() =>
        from line in File.ReadLines(MetricNamesTests.Guide).SkipWhile(l => !l.StartsWith("| span |", StringComparison.Ordinal)).Skip(2).TakeWhile(l => l.StartsWith('|'))
        let cells = line.Split('|', StringSplitOptions.TrimEntries)
        select $"{cells[1].Trim('`').Split(' ')[0]} {cells[2]} {string.Join(' ', cells[3].Split(", ").Select(a => a.Trim('`')).Order(StringComparer.Ordinal))}";

    private static SourceRecord Record(string? parent) =>
        Make.Record(0, headers: parent is null ? [] : [new("traceparent", Encoding.ASCII.GetBytes(parent)), new("other", "x"u8.ToArray())]);

    private static TokenSequence Sequence(SourceRecord record)
    {
        var tokens = TokenizedText.Of(new Token[2], 2, 3);
        return new(tokens, 0, new TokenizedEvent(new TextEvent(record, new PooledArray<char>(0), default), tokens));
    }
}
