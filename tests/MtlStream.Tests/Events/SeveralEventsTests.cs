using System.Text;
using System.Text.Json;
using MtlStream.Events;
using MtlStream.Results;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>Messages that hold several events, texts by themselves, and JSON inside strings.</summary>
public sealed class SeveralEventsTests
{
    [Theory]
    [InlineData("""[{"text":"a"}]""", """[{"text":"a",@}]""")]
    [InlineData(""" [ {"text":"a","n":1} , {"analysis":1,"text":"b"} ] """, """ [ {"text":"a","n":1,@} , {"text":"b",@} ] """)]
    [InlineData("""["a b","c"]""", """[{"text":"a b",@},{"text":"c",@}]""")]
    [InlineData("""[{"text":"a","analysis":1,"analysis":2},"{\"text\":\"b\"}"]""", """[{"text":"a",@},{"text":"b",@}]""")]
    public void Every_element_of_an_array_gets_its_own_analysis_in_its_place(string payload, string around) =>
        Assert.Equal(around, AroundAll(Answer(payload).Payload));

    [Fact]
    public void Elements_may_be_CloudEvents()
    {
        const string Event = """{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"text":"x"}}""";
        const string Answered = """{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"text":"x",@}}""";
        var batch = Header("content-type", "application/cloudevents-batch+json");

        Assert.Equal($"[{Answered},{Answered}]", AroundAll(Answer($"[{Event},{Event}]").Payload));
        var output = Answer($"[{Event},{Event}]", batch);
        Assert.Equal($"[{Answered},{Answered}]", AroundAll(output.Payload));
        Assert.Equal([batch], output.Headers);
    }

    [Theory]
    [InlineData("""[{"text":"a"},{"text":5}]""", RejectionReason.WrongType, "At /1 of the array: The text at /text is a number (byte 22)")]
    [InlineData("""[{"text":"a"},{"txt":"b"}]""", RejectionReason.MissingText, "At /1 of the array: There is no member \"text\"")]
    [InlineData("""[{"text":"a"},{"text":" "}]""", RejectionReason.EmptyText, "At /1 of the array")]
    [InlineData("""[{"text":"a"},[{"text":"b"}]]""", RejectionReason.WrongType, "At /1 of the array: The payload is an array (byte 14)")]
    [InlineData("""[{"text":"a"},]""", RejectionReason.MalformedPayload, "a comma stands before the closing ']'")]
    [InlineData("""[{"text":"a"}] x""", RejectionReason.MalformedPayload, "byte 15 of 16")]
    public void One_element_that_cannot_be_read_rejects_the_message_that_holds_it(string payload, RejectionReason reason, string said)
    {
        var rejection = Reject(new InputOptions(), payload);

        Assert.Equal(reason, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
        Assert.Equal(payload, Encoding.UTF8.GetString(rejection.Source.Payload!));
    }

    [Theory]
    [InlineData(TextlessEvents.Pass)]
    [InlineData(TextlessEvents.Drop)]
    public void On_request_elements_without_a_text_stay_as_they_are(TextlessEvents choice)
    {
        InputOptions options = new() { WithoutText = choice };

        Assert.Equal("""[{"text":null},{"text":"b",@},{}]""", AroundAll(Answer(options, """[{"text":null},{"text":"b"},{}]""").Payload));
        Assert.Equal(RejectionReason.MissingText, Reject(options, """[{"text":null},{}]""").Reason);
        Assert.Equal(RejectionReason.WrongType, Reject(options, """[{"text":"a"},{"text":5}]""").Reason);
    }

    [Fact]
    public void A_message_holds_so_many_events_and_no_more()
    {
        static string Many(int count) => "[" + string.Join(",", Enumerable.Repeat("\"x\"", count)) + "]";

        Assert.Equal(10_000, new EventDecoder(new()).Decode(Record(Encoding.UTF8.GetBytes(Many(10_000)))).Events!.Count);
        var rejection = Reject(new InputOptions(), Many(10_001));
        Assert.Equal(RejectionReason.PayloadTooLarge, rejection.Reason);
        Assert.Contains("10001 elements; expected at most 10000", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"a good day\"", "a good day", """{"text":"a good day",@}""")]
    [InlineData(""" "say \"hi\" \u00e9" """, "say \"hi\" é", """{"text":"say \"hi\" \u00e9",@}""")]
    [InlineData("\"{hello}\"", "{hello}", """{"text":"{hello}",@}""")]
    [InlineData("\"[1] see below\"", "[1] see below", """{"text":"[1] see below",@}""")]
    public void A_text_by_itself_becomes_an_object(string payload, string text, string around)
    {
        Assert.Equal(text, TextOf(payload));
        Assert.Equal(around, Around(Answer(payload).Payload));
    }

    [Theory]
    [InlineData("""{"text":"say \"hi\"","n":1}""", """{"text":"say \"hi\"","n":1,@}""")]
    [InlineData("\n {\"text\":\"x\"}\n", "\n {\"text\":\"x\",@}\n")]
    [InlineData("""{"analysis":0,"text":"x","analysis":1}""", """{"text":"x",@}""")]
    [InlineData("""[{"text":"a"},{"text":"b"}]""", """[{"text":"a",@},{"text":"b",@}]""")]
    public void JSON_inside_a_string_is_read_and_comes_out_as_it_is(string inside, string around) =>
        Assert.Equal(around, AroundAll(Answer(JsonSerializer.Serialize(inside)).Payload));

    [Fact]
    public void A_string_inside_a_string_is_a_text()
    {
        var quoted = JsonSerializer.Serialize("{\"text\":1");

        Assert.Equal(quoted, TextOf(JsonSerializer.Serialize(quoted)));
    }

    [Fact]
    public void A_dead_letter_of_one_event_is_the_answer_to_the_message()
    {
        var decoded = new EventDecoder(new()).Decode(Record("""[{"text":"a"},{"text":"b"}]"""u8.ToArray())).Events!;
        var letter = EventEncoder.EncodeDeadLetter(new(RejectionReason.InferenceFailed, "score", "why", decoded[1].Source));

        Assert.Null(decoded[1].Part!.Group.Answered(1, letter));
        Assert.Same(letter, decoded[0].Part!.Group.Answered(0, Encode(decoded[0])));
    }

    [Fact]
    public void Review_copies_of_several_events_all_go_with_the_message()
    {
        var decoded = new EventDecoder(new()).Decode(Record("""[{"text":"a"},{"text":"b"},{"text":"c"}]"""u8.ToArray())).Events!;
        OutboundRecord? together = null;
        foreach (var text in decoded)
        {
            var answer = Encode(text);
            var copy = answer with { Destination = Destination.Review };
            together = text.Part!.Group.Answered(text.Part.Index, text.Part.Index == 1 ? answer : answer with { Review = copy });
        }

        var copies = new List<string>();
        for (var copy = together!.Review; copy is not null; copy = copy.Review) copies.Add(Around(copy.Payload));
        Assert.Equal(["""{"text":"c",@}""", """{"text":"a",@}"""], copies);
    }

    private static OutboundRecord Answer(string payload, params EventHeader[] headers) => Answer(new(), payload, headers);

    private static OutboundRecord Answer(InputOptions options, string payload, params EventHeader[] headers) =>
        EncodeAll(new EventDecoder(options).Decode(Record(Encoding.UTF8.GetBytes(payload), headers)));
}
