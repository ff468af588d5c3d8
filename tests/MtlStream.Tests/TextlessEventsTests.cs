using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Events;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests;

/// <summary>Events without a text, and messages with several events, on their way through the pipeline.</summary>
public sealed class TextlessEventsTests
{
    private const string Deleted = """{"type":"message","subtype":"message_deleted","after":null}""";
    private const string Invisible = """{"text":"\u200b\ufeff\u00ad\u3164\u2800\ufffc\uffff"}""";

    private static readonly string?[] s_payloads =
        ["""{"text":"good"}""", Deleted, """{"text":" "}""", Invisible, """{"text":5}""", null, """[{"text":"good"},{"text":"\u200b"},{}]""", """["\u200b"]"""];

    [Fact]
    public async Task They_are_rejected_unless_told_otherwise()
    {
        var (sink, source, meters) = await RunAsync(new(), s_payloads);

        Assert.Equal(
            ["missing_text", "empty_text", "empty_text", "wrong_type", "missing_text", "empty_text"],
            sink.To(Destination.DeadLetters).Select(Reason));
        Assert.Equal(2, sink.To(Destination.Results).Count());
        Assert.Equal(s_payloads.Length, source.Acknowledged.Count);
        Assert.Equal(0, meters.Of("mtlstream.events.without_text").Sum(t => t.Value));
    }

    [Fact]
    public async Task They_are_passed_on_as_they_came_on_request()
    {
        var (sink, source, meters) = await RunAsync(new() { WithoutText = TextlessEvents.Pass }, s_payloads);

        var results = sink.To(Destination.Results).Select(r => r.Payload is null ? null : Codec.AroundAll(r.Payload)).ToList();
        Assert.Equal(
            ["""{"text":"good",@}""", Deleted, """{"text":" "}""", Invisible, null, """[{"text":"good",@},{"text":"\u200b"},{}]""", """["\u200b"]"""],
            results);
        Assert.Equal(["wrong_type"], sink.To(Destination.DeadLetters).Select(Reason));
        Assert.Equal(s_payloads.Length, source.Acknowledged.Count);
        Assert.Equal(4, Count(meters, "passed"));
    }

    [Fact]
    public async Task They_are_dropped_on_request_and_acknowledged_in_their_turn()
    {
        var (sink, source, meters) = await RunAsync(new() { WithoutText = TextlessEvents.Drop }, s_payloads);

        Assert.Equal(3, sink.To(Destination.Results).Count());
        Assert.Equal(4, sink.To(Destination.Nowhere).Count());
        Assert.Equal(Enumerable.Range(0, s_payloads.Length).Select(i => (long)i), sink.Published.Select(r => r.Source.Position.Offset));
        Assert.Equal(s_payloads.Length, source.Acknowledged.Count);
        Assert.Equal(4, Count(meters, "dropped"));
        Assert.Equal(0, meters.Of("mtlstream.events.rejected").Where(t => Equals(t.Tags["error.type"], "missing_text")).Sum(t => t.Value));
    }

    [Fact]
    public async Task Messages_with_many_events_come_back_whole_and_in_order()
    {
        var random = new Random(3);
        var sizes = Enumerable.Range(0, 200).Select(_ => random.Next(1, 40)).Append(2_000).ToList();
        var payloads = sizes.Select((size, i) => "[" + string.Join(",", Enumerable.Range(0, size).Select(e => $$"""{"n":{{e}},"text":"{{(char)('a' + (e % 26))}}"}""")) + "]");

        var (sink, source, _) = await RunAsync(new(), payloads);

        Assert.Equal(sizes.Count, source.Acknowledged.Count);
        Assert.Equal(Enumerable.Range(0, sizes.Count).Select(i => (long)i), sink.Published.Select(r => r.Source.Position.Offset));
        foreach (var (record, size) in sink.Published.Zip(sizes))
        {
            var elements = SchemaFiles.Parse(record.Payload!);
            Assert.Equal(Enumerable.Range(0, size), elements.EnumerateArray().Select(e => e.GetProperty("n").GetInt32()));
            Assert.All(elements.EnumerateArray(), e => Assert.True(e.TryGetProperty("analysis", out _)));
        }
    }

    [Fact]
    public async Task An_event_that_the_model_refuses_rejects_the_message_that_holds_it_and_no_other()
    {
        var model = new TableModel { Refuse = b => b.Sequences.Any(r => ((TokenizedEvent)r.Owner!).Event.Text.Contains("poison", StringComparison.Ordinal)) ? new("refused") : null };

        var (sink, _, _) = await RunAsync(new(), ["""["a","b"]""", """["a","poison","b"]""", """["c"]"""], model);

        Assert.Equal(["""[{"text":"a",@},{"text":"b",@}]""", """[{"text":"c",@}]"""], sink.To(Destination.Results).Select(r => Codec.AroundAll(r.Payload)));
        var letter = Assert.Single(sink.To(Destination.DeadLetters));
        Assert.Equal(("inference_failed", """["a","poison","b"]"""), (Reason(letter), Encoding.UTF8.GetString(letter.Payload!)));
    }

    private static double Count(MeterRecorder meters, string outcome) =>
        meters.Of("mtlstream.events.without_text").Where(t => Equals(t.Tags["mtlstream.outcome"], outcome)).Sum(t => t.Value);

    private static string Reason(OutboundRecord deadLetter) =>
        Encoding.UTF8.GetString(deadLetter.Headers.Single(h => h.Key == "mtlstream.reason").Value!);

    private static async Task<(RecordingSink, InMemorySource, MeterRecorder)> RunAsync(
        InputOptions input, IEnumerable<string?> payloads, TableModel? model = null)
    {
        model ??= new();
        var meters = new MeterRecorder();
        var source = new InMemorySource(payloads);
        var sink = new RecordingSink();
        await new AnalyticsPipeline(
            source, new EventDecoder(input), Make.Tokenizer(maxTokens: 16, overlap: 4), model, new EventEncoder(new(), model.Identity),
            sink, new(new() { DecodeWorkers = 2, EncodeWorkers = 2 }, new BatchingOptions(), new DeliveryOptions()),
            new PipelineMetrics(meters), TimeProvider.System, NullLogger<AnalyticsPipeline>.Instance).RunAsync(CancellationToken.None);
        return (sink, source, meters);
    }
}
