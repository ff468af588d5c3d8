using System.Text;
using System.Text.Json;
using CloudNative.CloudEvents.SystemTextJson;
using MtlStream.Events;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class CloudEventTests
{
    private const string Attributes = """ "specversion":"1.0","id":"7","source":"/shop","type":"review" """;

    private static readonly EventHeader Structured = Header("content-type", "application/cloudevents+json; charset=UTF-8");
    private static readonly EventHeader[] Binary =
        [Header("ce_specversion", "1.0"), Header("ce_id", "7"), Header("ce_source", "/shop"), Header("ce_type", "review")];

    [Theory]
    [InlineData("application/cloudevents+json; charset=UTF-8")]
    [InlineData("application/cloudevents+json")]
    [InlineData("Application/CloudEvents")]
    public void A_structured_event_gets_its_analysis_inside_data(string contentType)
    {
        var header = Header("content-type", contentType);
        const string Payload = $$"""{ {{Attributes}}, "data" : {"text":"good", "n":[1,{}]} ,"ext":{"text":"no"}, "analysis":"mine" }""";

        var output = Encode(Decode(Payload, headers: header));

        Assert.Equal(
            $$"""{ {{Attributes}}, "data" : {"text":"good", "n":[1,{}],@} ,"ext":{"text":"no"}, "analysis":"mine" }""",
            Around(Encoding.UTF8.GetString(output.Payload!)));
        Assert.Equal([header], output.Headers);
        Assert.Equal("good", TextOf(Payload, InputFormat.CloudEvents));
    }

    [Theory]
    [InlineData(""" "data":{"text":"good"} """)]
    [InlineData(""" "data":{"text":"good","analysis":1} """)]
    [InlineData(""" "data":"{\"text\":\"good\"}" """)]
    [InlineData(""" "data":"good", "datacontenttype":"text/plain" """)]
    [InlineData(""" "data_base64":"eyJ0ZXh0IjoiZ29vZCJ9" """)]
    public void What_comes_out_is_an_event_to_the_reader_of_the_specification_s_authors(string data)
    {
        var output = Encode(Decode($"{{{Attributes},{data}}}", headers: Structured));

        var read = new JsonEventFormatter().DecodeStructuredModeMessage(output.Payload, new System.Net.Mime.ContentType("application/cloudevents+json"), null);

        Assert.True(read.IsValid);
        Assert.Equal(("7", "/shop", "review"), (read.Id, read.Source!.OriginalString, read.Type));
        Assert.Contains("analysis", Assert.IsType<JsonElement>(read.Data).GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"data":{"text":"x"},@A}""", """{"data":{"text":"x",@},@A}""")]
    [InlineData("""{@A,"data":{"analysis":1,"text":"x"}}""", """{@A,"data":{"text":"x",@}}""")]
    [InlineData("""{@A,"data":{"text":"x","analysis":1,"analysis":2,"b":3}}""", """{@A,"data":{"text":"x","b":3,@}}""")]
    [InlineData("""{@A,"data":{"text":"first"},"data":{"text":"last"}}""", """{@A,"data":{"text":"first"},"data":{"text":"last",@}}""")]
    [InlineData("""{@A,"data":5,"d\u0061ta":{"text":"x"}}""", """{@A,"data":5,"d\u0061ta":{"text":"x",@}}""")]
    public void Around_data_a_structured_event_is_carried_as_it_is(string payload, string around)
    {
        payload = payload.Replace("@A", Attributes, StringComparison.Ordinal);
        Assert.Equal(around.Replace("@A", Attributes, StringComparison.Ordinal), Around(EncodeText(payload, headers: Structured)));
    }

    [Theory]
    [InlineData("""{@A,"datacontenttype":"text/plain","data":"say \"hi\" \u00e9"}""", """{@A,"datacontenttype":"application/json","data":{"text":"say \"hi\" \u00e9",@}}""")]
    [InlineData("""{"data":"x","datacontenttype":"text/plain; charset=utf-8",@A}""", """{"data":{"text":"x",@},"datacontenttype":"application/json",@A}""")]
    public void Text_in_a_structured_event_becomes_an_object(string payload, string around)
    {
        payload = payload.Replace("@A", Attributes, StringComparison.Ordinal);
        Assert.Equal(around.Replace("@A", Attributes, StringComparison.Ordinal), Around(EncodeText(payload, headers: Structured)));
    }

    [Fact]
    public void The_text_of_a_structured_event_is_unescaped()
    {
        Assert.Equal("say \"hi\" é", TextOf($$"""{{{Attributes}},"datacontenttype":"text/plain","data":"say \"hi\" \u00e9"}""", headers: Structured));
    }

    [Fact]
    public void JSON_in_data_base64_becomes_data()
    {
        var base64 = Convert.ToBase64String("""{"analysis":1, "text":"grüß","analysis":2,"n":1 }"""u8).Replace("/", "\\/", StringComparison.Ordinal);

        var output = EncodeText($$"""{{{Attributes}},"data_base64":"{{base64}}","z":1}""", headers: Structured);

        Assert.Equal($$"""{{{Attributes}},"data":{ "text":"grüß","n":1 ,@},"z":1}""", Around(output));
    }

    [Fact]
    public void Text_in_data_base64_becomes_an_object()
    {
        var base64 = Convert.ToBase64String("say \"hi\""u8);

        var output = EncodeText($$"""{"datacontenttype":"text/plain",{{Attributes}},"data_base64":"{{base64}}"}""", headers: Structured);

        Assert.Equal("""{"datacontenttype":"application/json",@A,"data":{"text":"say \"hi\"",@}}""".Replace("@A", Attributes, StringComparison.Ordinal), Around(output));
    }

    [Fact]
    public void A_binary_event_gets_its_analysis_in_its_payload_and_keeps_its_attributes()
    {
        EventHeader[] headers = [.. Binary, Header("content-type", "application/vnd.shop+json")];

        var output = Encode(Decode("""{"text":"x"}""", headers: headers));

        Assert.Equal("""{"text":"x",@}""", Around(Encoding.UTF8.GetString(output.Payload!)));
        Assert.Equal(headers, output.Headers);
    }

    [Fact]
    public void Text_in_a_binary_event_is_plain_text_and_its_content_type_becomes_JSON()
    {
        var output = Encode(Decode("{not json", headers: [Header("content-type", "text/plain"), .. Binary]));

        Assert.Equal("""{"text":"{not json",@}""", Around(Encoding.UTF8.GetString(output.Payload!)));
        Assert.Equal(
            ["content-type=application/json", "ce_specversion=1.0", "ce_id=7", "ce_source=/shop", "ce_type=review"],
            EventEncoderTests.Lines(output.Headers));
    }

    [Theory]
    [InlineData("application/cloudevents+avro", "application/cloudevents+avro")]
    [InlineData("application/cloudevents+protobuf", "application/cloudevents+protobuf")]
    [InlineData("application/cloudevents+json; charset=utf-16", "charset=utf-16")]
    public void Other_event_formats_are_rejected_by_name(string contentType, string said)
    {
        var rejection = Reject("[]", headers: Header("content-type", contentType));

        Assert.Equal(RejectionReason.UnsupportedEncoding, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/xml", "application/xml;")]
    [InlineData("application/avro", "application/avro;")]
    [InlineData("text/plain; charset=ISO-8859-1", "text/plain; charset=iso-8859-1;")]
    [InlineData("application/json;a=b; charset=\"utf-16\"", "application/json; charset=utf-16;")]
    [InlineData("my/secret; a=secret", "another one (9 bytes);")]
    [InlineData("text/plain; charset=secret", "text/plain; charset=another one (6 bytes);")]
    public void Other_data_in_a_binary_event_is_rejected_by_a_name_that_is_known(string contentType, string said)
    {
        var rejection = Reject("x", headers: [.. Binary, Header("content-type", contentType)]);

        Assert.Equal(RejectionReason.UnsupportedEncoding, rejection.Reason);
        Assert.Contains($"of content type {said} expected", rejection.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("specversion")]
    [InlineData("id")]
    [InlineData("source")]
    [InlineData("type")]
    public void An_event_that_lacks_an_attribute_is_malformed(string name)
    {
        var binary = Reject("""{"text":"x"}""", InputFormat.CloudEvents, headers: [Header("ce_specversion", "1.0"), .. Binary.Where(h => h.Key != $"ce_{name}"), new($"ce_{name}", null)]);
        var structured = Reject(
            $$"""{{{Attributes.Replace($"\"{name}\"", "\"other\"", StringComparison.Ordinal)}},"data":{"text":"x"} }""", headers: Structured);

        Assert.Equal((RejectionReason.MalformedPayload, RejectionReason.MalformedPayload), (binary.Reason, structured.Reason));
        Assert.Contains($"header ce_{name} is empty", binary.Message, StringComparison.Ordinal);
        Assert.Contains($"member \"{name}\" is missing", structured.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{@A,"data":{"t":"x"}}""", RejectionReason.MissingText, "no member \"text\"")]
    [InlineData("""{@A,"text":"x"}""", RejectionReason.MissingText, "no member \"data\"")]
    [InlineData("""{@A,"data":["x"]}""", RejectionReason.WrongType, "data is an array")]
    [InlineData("""{@A,"data":{"text":"x"},"data":null}""", RejectionReason.MissingText, "data is null")]
    [InlineData("""{@A,"data":{"text":" "}}""", RejectionReason.EmptyText, "white space")]
    [InlineData("""{@A,"data":{"text":"x"}} x""", RejectionReason.MalformedPayload, "byte 8")]
    [InlineData("""[{@A,"data":{"text":"x"}}]""", RejectionReason.WrongType, "payload is an array")]
    [InlineData("""{@A,"data":{"text":"x"},"data_base64":"eA=="}""", RejectionReason.MalformedPayload, "both")]
    [InlineData("""{@A,"data_base64":"?"}""", RejectionReason.MalformedPayload, "not base64")]
    [InlineData("""{@A,"data_base64":"/w=="}""", RejectionReason.InvalidUtf8, "not valid UTF-8")]
    [InlineData("""{@A,"data_base64":"e30="}""", RejectionReason.MissingText, "byte 0 of the decoded data_base64")]
    [InlineData("""{@A,"data_base64":"eyJhIjo="}""", RejectionReason.MalformedPayload, "byte 5 of the decoded data_base64")]
    [InlineData("""{@A,"datacontenttype":"image/png","data_base64":"e30="}""", RejectionReason.UnsupportedEncoding, "image/png")]
    [InlineData("""{@A,"datacontenttype":"text/plain; charset=utf-16","data_base64":"aABpAA=="}""", RejectionReason.UnsupportedEncoding, "utf-16")]
    [InlineData("""{"specversion":"0.3","id":"7","source":"s","type":"t","data":{"text":"x"}}""", RejectionReason.UnsupportedEncoding, "\"0.3\"")]
    public void A_structured_event_that_cannot_be_used_says_why(string payload, RejectionReason reason, string said)
    {
        var rejection = Reject(payload.Replace("@A", Attributes, StringComparison.Ordinal), headers: Structured);

        Assert.Equal(reason, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{@A,"data":{"text":"x"}}""", """{@A,"data":{"text":"x",@}}""")]
    [InlineData("""{"data":{"text":"x"},"text":"outside",@A}""", """{"data":{"text":"x",@},"text":"outside",@A}""")]
    [InlineData("""{@A,"datacontenttype":"application/json","data":"{\"text\":\"x\"}"}""", """{@A,"datacontenttype":"application/json","data":{"text":"x",@}}""")]
    [InlineData("""{@A,"data":"a good day"}""", """{@A,"data":{"text":"a good day",@}}""")]
    [InlineData("""{@A,"datacontenttype":"text/plain","data":"a good day"}""", """{@A,"datacontenttype":"application/json","data":{"text":"a good day",@}}""")]
    [InlineData("""{@A,"data_base64":"eyJ0ZXh0IjoieCJ9"}""", """{@A,"data":{"text":"x",@}}""")]
    [InlineData("""{@A,"data_base64":"ImEgZ29vZCBkYXki"}""", """{@A,"data":{"text":"a good day",@}}""")]
    public void A_structured_event_is_told_by_its_content(string payload, string around)
    {
        payload = payload.Replace("@A", Attributes, StringComparison.Ordinal);
        Assert.Equal(around.Replace("@A", Attributes, StringComparison.Ordinal), Around(EncodeText(payload)));
    }

    [Theory]
    [InlineData("/data/text")]
    [InlineData("/text")]
    public void The_pointer_may_be_from_the_top_or_from_the_data(string path)
    {
        var payload = $$"""{{{Attributes}},"data":{"text":"x"} }""";

        Assert.Equal($$"""{{{Attributes}},"data":{"text":"x",@} }""", Around(EncodeText(payload, pointer: path)));
        Assert.Equal($$"""{{{Attributes}},"data":{"text":"x",@} }""", Around(EncodeText(payload, pointer: path, headers: Structured)));
    }

    [Theory]
    [InlineData("""{@A,"data":{"t":"x"}}""", RejectionReason.MissingText, "no member \"text\"")]
    [InlineData("""{@A}""", RejectionReason.MissingText, "The CloudEvent has no member \"data\"")]
    [InlineData("""{"specversion":"1.0","id":5,"source":"s","type":"t","data":{"text":"x"}}""", RejectionReason.MissingText, "member \"id\" is a number; expected")]
    [InlineData("""{"specversion":"0.3","id":"5","source":"s","type":"t","data":{"text":"x"}}""", RejectionReason.MissingText, "specversion is \"0.3\"")]
    [InlineData("""{"specversion":"my secret","id":"5","source":"s","type":"t"}""", RejectionReason.MissingText, "specversion is something else")]
    public void What_looks_like_an_event_and_is_none_says_what_is_wrong_with_it(string payload, RejectionReason reason, string said)
    {
        var rejection = Reject(payload.Replace("@A", Attributes, StringComparison.Ordinal));

        Assert.Equal(reason, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("contentType", "application/cloudevents+json")]
    [InlineData("contentType", "\"application/cloudevents+json\"")]
    [InlineData("CONTENT-TYPE", "application/cloudevents+json;charset=UTF-8")]
    public void The_content_type_has_several_spellings(string name, string value)
    {
        var rejection = Reject("""{"text":"x"}""", headers: Header(name, value));

        Assert.Contains("The CloudEvent's member \"specversion\" is missing", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ce-", false)]
    [InlineData("CE_", false)]
    [InlineData("cloudEvents:", false)]
    [InlineData("cloudEvents_", true)]
    public void Attributes_in_headers_have_several_spellings(string prefix, bool amqp)
    {
        EventHeader[] headers =
        [
            .. Binary.Select(h => new EventHeader(prefix + h.Key[3..], amqp ? [0xA1, (byte)h.Value!.Length, .. h.Value] : h.Value)),
            Header(prefix + "datacontenttype", "text/plain"),
        ];

        var output = Encode(Decode("a good day", headers: headers));

        Assert.Equal("""{"text":"a good day",@}""", Around(output.Payload));
        Assert.Equal(headers.Length, output.Headers.Count - 1);
        Assert.Contains($"{prefix}datacontenttype=application/json", EventEncoderTests.Lines(output.Headers));
    }

    [Fact]
    public void Without_anything_that_says_so_a_payload_is_plain_JSON()
    {
        Assert.Equal("x", TextOf("""{"text":"x"}""", headers: Header("content-type", "text/plain")));
        Assert.Equal("x", TextOf("""{"text":"x","specversion":"1.0"}"""));
        Assert.Equal("x", TextOf($$"""{{{Attributes}},"text":"x"}"""));
        Assert.Equal("x", TextOf("""{"text":"x"}""", InputFormat.Json, headers: Structured));
        Assert.Equal(RejectionReason.MalformedPayload, Reject("""{"text":"x"}""", InputFormat.CloudEvents).Reason);
    }
}
