using MtlStream.Events;
using MtlStream.Results;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>Headers of answers: what no longer describes the value is left out, the rest is the event's own.</summary>
public sealed class AnswerHeadersTests
{
    [Theory]
    [InlineData("__value_schema_id")]
    [InlineData("apicurio.value.globalId")]
    [InlineData("apicurio.value.contentId")]
    [InlineData("apicurio.value.encoding")]
    [InlineData("apicurio.value.contentHash")]
    [InlineData("apicurio.value.artifactId")]
    [InlineData("apicurio.value.version")]
    [InlineData("schemaId")]
    [InlineData("value.schema.version.id")]
    [InlineData("com.ibm.eventstreams.schemaregistry.schema.id")]
    [InlineData("content-length")]
    [InlineData("Content-MD5")]
    public void What_no_longer_describes_the_value_is_left_out(string name)
    {
        EventHeader[] headers = [Header("a", "1"), Header(name, "7"), Header("b", "2"), Header(name, "8")];

        Assert.Equal(["a=1", "b=2"], EventEncoderTests.Lines(Encode(Decode("""{"text":"x"}""", headers: headers)).Headers));
        Assert.Equal(["a=1", "b=2"], EventEncoderTests.Lines(EncodeAll(new EventDecoder(new()).Decode(Record("""["x","y"]"""u8.ToArray(), headers))).Headers));
    }

    [Theory]
    [InlineData("__key_schema_id")]
    [InlineData("apicurio.key.globalId")]
    [InlineData("apicurio.values")]
    [InlineData("key.schema.version.id")]
    [InlineData("value")]
    [InlineData("__TypeId__")]
    [InlineData("schema")]
    [InlineData("content-language")]
    [InlineData("")]
    public void What_is_about_the_key_or_something_else_stays(string name)
    {
        EventHeader[] headers = [Header(name, "7"), new(name, null)];

        Assert.Same(headers, Encode(Decode("""{"text":"x"}""", headers: headers)).Headers);
    }

    [Fact]
    public void A_dead_letter_and_an_event_that_is_passed_on_keep_them()
    {
        var source = Record("{}"u8.ToArray(), Header("__value_schema_id", "7"));

        Assert.Same(source.Headers, OutboundRecord.Textless(source, TextlessEvents.Pass).Headers);
        Assert.Equal("__value_schema_id", EventEncoder.EncodeDeadLetter(new(RejectionReason.MissingText, "decode", "why", source)).Headers[0].Key);
    }

    [Theory]
    [InlineData("contentType", "text/plain", "contentType=application/json")]
    [InlineData("contentType", "\"text/plain\"", "contentType=\"application/json\"")]
    [InlineData("Content-Type", "text/html", "content-type=application/json")]
    public void The_content_type_of_a_text_becomes_JSON_in_the_spelling_that_it_came_in(string name, string value, string line) =>
        Assert.Equal([line], EventEncoderTests.Lines(Encode(Decode("x", InputFormat.Text, headers: Header(name, value))).Headers));
}
