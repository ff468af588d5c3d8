using System.Globalization;
using System.Text.Json;
using System.Text;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class EventEncoderTests
{
    [Fact]
    public void The_analysis_has_the_documented_form()
    {
        var output = Encode(Decode("""{"text":"Angela Merkel visited Paris","id":7}"""), entities: [1, 2, 0, 3]);

        Assert.Equal(
            Quoted(
                "{'text':'Angela Merkel visited Paris','id':7,'analysis':{'schema':'enriched-event.v1','model':{'name':'demo \\'mini\\'','version':'1.2.0'},"
                + "'offsets':'utf16','truncated':false,'tasks':{"
                + "'sentiment':{'label':'positive','score':0.9731},"
                + "'intent':{'label':null,'score':0.5500},"
                + "'emotion':{'labels':[{'label':'fear','score':0.9000},{'label':'joy','score':0.6000}]},"
                + "'entities':{'spans':[{'start':0,'end':13,'text':'Angela Merkel','label':'PER','score':0.7550},"
                + "{'start':22,'end':27,'text':'Paris','label':'LOC','score':0.7800}]},"
                + "'pos':{'tags':[{'start':0,'end':6,'label':'NOUN','score':1.0000},{'start':7,'end':13,'label':'PROPN','score':1.0000},"
                + "{'start':14,'end':21,'label':'VERB','score':1.0000},{'start':22,'end':27,'label':'NOUN','score':1.0000}]}}}}"),
            Encoding.UTF8.GetString(output.Payload!));
    }

    [Theory]
    [InlineData("""{"text":"x"}""", """{"text":"x",@}""")]
    [InlineData("""  { "text" : "x" , "n":1.50 }  """, """  { "text" : "x" , "n":1.50 ,@}  """)]
    [InlineData("""{"analysis":1,"text":"x"}""", """{"text":"x",@}""")]
    [InlineData("""{"text":"x","analysis":{"old":[1,{"a":"}"}]}}""", """{"text":"x",@}""")]
    [InlineData("""{"text":"x" , "analysis" : null , "b":2}""", """{"text":"x"  , "b":2,@}""")]
    [InlineData("""{ "analysis":1 , "text":"x"}""", """{  "text":"x",@}""")]
    [InlineData("""{"an\u0061lysis":1,"text":"x"}""", """{"text":"x",@}""")]
    [InlineData("""{"analysis":1,"analysis":2,"text":"x","analysis":3,"b":4,"analysis":5}""", """{"text":"x","b":4,@}""")]
    [InlineData("""{"text":"x","analysis":1,"b":{"analysis":2},"analysis":3}""", """{"text":"x","b":{"analysis":2},@}""")]
    [InlineData("""{"text":"\ud800 \u0041","text":"x"}""", """{"text":"\ud800 \u0041","text":"x",@}""")]
    public void The_original_bytes_stay_and_an_analysis_that_is_there_is_replaced(string payload, string around) =>
        Assert.Equal(around, Around(EncodeText(payload)));

    [Fact]
    public void A_byte_order_mark_and_a_frame_are_not_carried()
    {
        Assert.Equal("""{"text":"x",@}""", Around(EncodeText("\uFEFF{\"text\":\"x\"}")));
        var framed = Encode(Decode([0, 0, 0, 0, 9, .. "{\"analysis\":0,\"text\":\"x\",\"analysis\":0}"u8]));
        Assert.Equal("""{"text":"x",@}""", Around(Encoding.UTF8.GetString(framed.Payload!)));
    }

    [Fact]
    public void Plain_text_becomes_an_object_and_its_content_type_JSON()
    {
        var output = Encode(Decode("say \"hi\"\n\0\t\\ grüß 😀", InputFormat.Text, headers: [
            Header("a", "1"), Header("Content-Type", "text/plain"), Header("b", "2"), Header("content-type", "text/html")]));

        using var json = JsonDocument.Parse(output.Payload);
        Assert.Equal("say \"hi\"\n\0\t\\ grüß 😀", json.RootElement.GetProperty("text").GetString());
        Assert.Equal(["text", "analysis"], json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(["a=1", "content-type=application/json", "b=2"], Lines(output.Headers));
        Assert.Equal(["content-type=application/json"], Lines(Encode(Decode("x", InputFormat.Text)).Headers));
    }

    [Fact]
    public void Keys_headers_timestamps_and_trace_context_are_kept()
    {
        var headers = Enumerable.Range(0, 1000).Select(i => Header($"h{i % 500}", $"{i}"))
            .Append(Header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
            .Append(Header("tracestate", "rojo=00f067aa0ba902b7")).Append(new("null", null)).ToArray();

        var output = Encode(Decode("""{"text":"x"}""", headers: headers));

        Assert.Equal(headers, output.Headers);
        Assert.Equal("key"u8.ToArray(), output.Source.Key);
        Assert.Equal(1_700_000_000_123, output.Source.Timestamp);
    }

    [Fact]
    public void A_span_that_lacks_its_beginning_is_repaired()
    {
        // I-PER | O | B-PER B-PER I-LOC I-LOC I-PER
        var output = Encode(Decode("""{"text":"a b c d e f g"}"""), entities: [2, 0, 1, 1, 4, 4, 2]);

        Assert.Equal(["PER a 0-1 0.7500", "PER c 4-5 0.7700", "LOC d e f g 6-13 0.7950"], Spans(output));
    }

    [Fact]
    public void What_an_entry_is_about_is_the_substring_of_the_decoded_text()
    {
        const string Text = "😀😀 Zoë\\n \"q\" \uFFFD 漢字";
        var output = Encode(Decode(JsonSerializer.SerializeToUtf8Bytes(new { text = Text })), entities: [1, 1, 1, 1, 1]);

        using var json = JsonDocument.Parse(output.Payload);
        var spans = Tasks(json).GetProperty("entities").GetProperty("spans").EnumerateArray().ToList();
        Assert.Equal(3, spans.Count); // a span of marks alone is none
        foreach (var span in spans)
            Assert.Equal(span.GetProperty("text").GetString(), Text[span.GetProperty("start").GetInt32()..span.GetProperty("end").GetInt32()]);
    }

    [Fact]
    public void All_scores_are_given_on_request_and_truncation_is_flagged()
    {
        var output = Encoding.UTF8.GetString(Encode(Decode("""{"text":"x"}"""), allScores: true, truncated: true).Payload!);

        Assert.Contains(Quoted("truncated':true,"), output, StringComparison.Ordinal);
        Assert.Contains(Quoted("sentiment':{'label':'positive','score':0.9731,'scores':{'negative':0.0269,'positive':0.9731}}"), output, StringComparison.Ordinal);
        Assert.Contains(Quoted("score':0.5500,'scores':{'greet':0.5500,'order':0.4500}}"), output, StringComparison.Ordinal);
        Assert.Contains(Quoted(",'scores':{'joy':0.6000,'anger':0.1000,'fear':0.9000}}"), output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, float.NaN)]
    [InlineData(1, float.PositiveInfinity)]
    [InlineData(2, float.NegativeInfinity)]
    [InlineData(3, float.NaN)]
    [InlineData(4, float.NaN)]
    [InlineData(0, 3.5f)]
    public void A_score_that_is_no_probability_is_a_failure_of_that_event_alone(int task, float score)
    {
        using var scored = Tokenize(Decode("""{"text":"a b"}"""));
        using var predictions = Predict(scored, []);
        // The last token's is no word's: what is not finite anywhere in the event counts.
        var scores = Codec.Tasks[task] is TokenLabelTask ? predictions.TagScores(task, 1)[1..^1] : predictions.Probabilities(task, 1);
        scores[^1] = score;

        Assert.False(new EventEncoder(new(), Model).TryEncodeResult(scored, predictions, 1, out var result, out var rejection));
        Assert.Null(result);
        Assert.Equal((RejectionReason.InferenceFailed, "score"), (rejection.Reason, rejection.Stage));
        Assert.Contains($"\"{Codec.Tasks[task].Name}\"", rejection.Message, StringComparison.Ordinal);
        Assert.Same(scored.Event.Source, rejection.Source);
    }

    [Fact]
    public void A_label_id_that_the_task_lacks_is_a_failure_of_that_event()
    {
        using var scored = Tokenize(Decode("""{"text":"a b"}"""));
        using var predictions = Predict(scored, [5]);

        Assert.False(new EventEncoder(new(), Model).TryEncodeResult(scored, predictions, 1, out _, out var rejection));
        Assert.Contains("label id 5 at token 0; expected 0 to 4", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.5 0.5", "[{'label':'a','score':0.5000},{'label':'b','score':0.5000}]")]
    [InlineData("0.4999 0.9", "[{'label':'b','score':0.9000}]")]
    [InlineData("0.9 0.1", "[{'label':'a','score':0.9000}]")]
    [InlineData("0.1 0.2", "[]")]
    public void Labels_at_or_above_their_threshold_are_given_best_first(string probabilities, string labels)
    {
        ModelTask task = new MultiLabelTask("t", ["a", "b"], [0.5f, 0.25f]);

        Assert.Contains(Quoted("{'t':{'labels':" + labels + "}}"), EncodeOne(task, probabilities), StringComparison.Ordinal);
        if (probabilities != "0.9 0.1") return;
        // Without thresholds of their own, labels need one half.
        Assert.Contains(Quoted("{'t':{'labels':" + labels + "}}"), EncodeOne(new MultiLabelTask("t", ["a", "b"], []), probabilities), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.6 0.4", "{'label':'a','score':0.6000}")]
    [InlineData("0.5 0.5", "{'label':null,'score':0.5000}")]
    [InlineData("1.004 -0.004", "{'label':'a','score':1.0000}")]
    public void A_text_whose_best_score_is_below_the_threshold_is_out_of_scope(string probabilities, string said) =>
        Assert.Contains(Quoted("{'t':" + said + "}"), EncodeOne(new SingleLabelTask("t", ["a", "b"], 0.6f), probabilities), StringComparison.Ordinal);

    [Fact]
    public void A_task_that_does_not_fit_its_kind_is_an_error()
    {
        Assert.Throws<InvalidDataException>(() => new MultiLabelTask("t", ["a", "b"], [0.6f]));
        Assert.Throws<InvalidDataException>(() => new TokenSpansTask("t", ["O", "PER"]));
    }

    private static string EncodeOne(ModelTask task, string probabilities)
    {
        using var scored = Tokenize(Decode("""{"text":"a"}"""));
        using var predictions = new Predictions([task], 1, 4);
        if (task is TextLabelTask)
            probabilities.Split(' ').Select(p => float.Parse(p, CultureInfo.InvariantCulture)).ToArray().CopyTo(predictions.Probabilities(0, 0));
        Assert.True(new EventEncoder(new(), Model).TryEncodeResult(scored, predictions, 0, out var result, out _));
        return Encoding.UTF8.GetString(result.Payload!);
    }

    [Fact]
    public void A_result_names_the_model_that_gave_it_even_when_another_takes_over()
    {
        var encoder = new EventEncoder(new(), Model);
        string[] versions = ["1.2.0", "2", "3", "2"];
        foreach (var version in versions)
        {
            using var scored = Tokenize(Decode("""{"text":"a b"}"""));
            using var predictions = Predict(scored, []);
            if (version != Model.Version) predictions.Model = Model with { Version = version };

            Assert.True(encoder.TryEncodeResult(scored, predictions, 1, out var result, out _));
            using var json = JsonDocument.Parse(result.Payload);
            Assert.Equal(version, json.RootElement.GetProperty("analysis").GetProperty("model").GetProperty("version").GetString());
        }
    }

    [Fact]
    public void A_copy_for_review_is_the_result_and_says_why()
    {
        var result = Encode(Decode("""{"text":"x"}""", headers: Header("a", "1")));

        var copy = EventEncoder.EncodeReview(result, "comments/0/7", "uncertain", "sentiment=0.5500", 0.25);

        Assert.Equal(Destination.Review, copy.Destination);
        Assert.Same(result.Payload, copy.Payload);
        Assert.Same(result.Source, copy.Source);
        Assert.Equal(
            ["a=1", "mtlstream.review=sentiment=0.5500", "mtlstream.review.reasons=uncertain", "mtlstream.review.event=comments/0/7", "mtlstream.review.probability=0.25"],
            Lines(copy.Headers));
    }

    [Fact]
    public void A_tombstone_passes_through_with_its_headers()
    {
        var source = Record([], Header("a", "1")) with { Payload = null };

        var output = EventEncoder.EncodeTombstone(source);

        Assert.Equal((Destination.Results, null, source), (output.Destination, output.Payload, output.Source));
        Assert.Equal(["a=1"], Lines(output.Headers));
    }

    private static string Quoted(string json) => json.Replace('\'', '"');

    internal static IEnumerable<string> Lines(IEnumerable<EventHeader> headers) =>
        headers.Select(h => $"{h.Key}={(h.Value is null ? "null" : Encoding.UTF8.GetString(h.Value))}");

    private static JsonElement Tasks(JsonDocument json) => json.RootElement.GetProperty("analysis").GetProperty("tasks");

    private static IEnumerable<string> Spans(OutboundRecord output)
    {
        using var json = JsonDocument.Parse(output.Payload);
        return [.. Tasks(json).GetProperty("entities").GetProperty("spans").EnumerateArray().Select(s =>
            $"{s.GetProperty("label")} {s.GetProperty("text")} {s.GetProperty("start")}-{s.GetProperty("end")} {s.GetProperty("score").GetRawText()}")];
    }
}
