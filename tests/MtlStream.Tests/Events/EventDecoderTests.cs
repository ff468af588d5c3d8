using System.Text;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class EventDecoderTests
{
    [Theory]
    [InlineData("""{"text":"hello"}""", "/text", "hello")]
    [InlineData(""" { "a" : 1 , "text" : "hello" } """, "/text", "hello")]
    [InlineData("""{"message":{"body":"deep"},"text":"no"}""", "/message/body", "deep")]
    [InlineData("""{"items":[{"t":"zero"},{"t":"one"}]}""", "/items/1/t", "one")]
    [InlineData("""{"items":["zero","one"]}""", "/items/0", "zero")]
    [InlineData("""{"a/b":{"m~n":"x"}}""", "/a~1b/m~0n", "x")]
    [InlineData("""{"":"empty name"}""", "/", "empty name")]
    [InlineData("""{"0":"a member that looks like an index"}""", "/0", "a member that looks like an index")]
    [InlineData("""{"te\u0078t":"escaped name"}""", "/text", "escaped name")]
    [InlineData("""{"grüße":"ü"}""", "/grüße", "ü")]
    [InlineData("""{"\ud800":1,"text":"beside a broken name"}""", "/text", "beside a broken name")]
    public void The_pointer_leads_to_the_text(string payload, string path, string text) =>
        Assert.Equal(text, TextOf(payload, pointer: path));

    [Theory]
    [InlineData("""{"text":"first","text":"last"}""", "/text", "last")]
    [InlineData("""{"text":5,"text":"last"}""", "/text", "last")]
    [InlineData("""{"a":{"b":"first"},"a":{"b":"last"}}""", "/a/b", "last")]
    [InlineData("""{"a":{"b":"first","b":"last"}}""", "/a/b", "last")]
    [InlineData("""{"a":[{"b":"x"}],"a":{"0":{"b":"last"}}}""", "/a/0/b", "last")]
    public void Of_members_with_the_same_name_the_last_one_counts(string payload, string path, string text) =>
        Assert.Equal(text, TextOf(payload, pointer: path));

    [Fact]
    public void A_last_member_that_lacks_the_text_hides_an_earlier_one_that_has_it() =>
        Assert.Equal(RejectionReason.MissingText, Reject("""{"a":{"b":"first"},"a":{"c":"last"}}""", pointer: "/a/b").Reason);

    [Theory]
    [InlineData("""{"text":"a\"b\\c\/d\b\f\n\r\te"}""", "a\"b\\c/d\b\f\n\r\te")]
    [InlineData("""{"text":"\u00e9 caf\u00E9 \ud83d\ude00 \u0000"}""", "é café 😀 \0")]
    [InlineData("""{"text":"\ud800"}""", "\uFFFD")]
    [InlineData("""{"text":"\udc00x\ud800\ud83d\ude00\ud800\u0041\ud800"}""", "\uFFFDx\uFFFD😀\uFFFDA\uFFFD")]
    public void Escapes_are_read_and_unpaired_surrogates_count_as_replacement_characters(string payload, string text) =>
        Assert.Equal(text, TextOf(payload));

    [Theory]
    [InlineData("""{"text":"x"}}""", 12)]
    [InlineData("""{"text":"x"} {"text":"y"}""", 13)]
    [InlineData("""{"text":"x",}""", 12)]
    [InlineData("""{"text":"x" """, 12)]
    [InlineData("""{"text":'x'}""", 8)]
    [InlineData("""{text:"x"}""", 1)]
    [InlineData("{\"text\":\"a\nb\"}", 10)]
    [InlineData("{\n \"a\": 1,\n \"text\": oops}", 20)]
    [InlineData("""{"text":"\x"}""", 10)]
    [InlineData("""{"text":"x","n":01}""", 17)]
    [InlineData("{\"text\":\"x\0\"}", 10)]
    [InlineData("hello", 0)]
    [InlineData("\0", 0)]
    public void What_is_not_well_formed_is_rejected_with_its_position(string payload, int position)
    {
        var rejection = Reject(payload);

        Assert.Equal(RejectionReason.MalformedPayload, rejection.Reason);
        Assert.Contains($"at byte {position} of {Encoding.UTF8.GetByteCount(payload)}", rejection.Message, StringComparison.Ordinal);
        Assert.Contains("/text", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "/text", "no member \"text\" in the object that should hold the text (byte 0)")]
    [InlineData("""{"a":{"c":1}}""", "/a/b", "no member \"b\" in /a (byte 5)")]
    [InlineData("""{"a":[1,2]}""", "/a/2", "The array at /a (byte 5) has 2 elements")]
    [InlineData("""{"a":["x"]}""", "/a/01", "The array at /a (byte 5) has 1 elements")]
    [InlineData("""{"a":["x"]}""", "/a/-", "The array at /a (byte 5) has 1 elements")]
    [InlineData("""{"a":"x"}""", "/a/b", "The value at /a is a string (byte 5)")]
    [InlineData("""{"a":null}""", "/a/b/c", "The value at /a is null (byte 5)")]
    public void A_pointer_that_leads_nowhere_says_how_far_it_led(string payload, string path, string said)
    {
        var rejection = Reject(payload, pointer: path);

        Assert.Equal(RejectionReason.MissingText, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
        Assert.Contains($"expected the text at {path}", rejection.Message.Replace("an object or array with ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"text":5}""", "The text at /text is a number (byte 8)")]
    [InlineData("""{"text":true}""", "The text at /text is a boolean (byte 8)")]
    [InlineData("""{"text":["x"]}""", "The text at /text is an array (byte 8)")]
    [InlineData("""{"text":"x","text":{"text":"y"}}""", "The text at /text is an object (byte 19)")]
    [InlineData("17", "The payload is a number (byte 0)")]
    [InlineData(" true", "The payload is a boolean (byte 1)")]
    [InlineData("[17]", "At /0 of the array: The payload is a number (byte 1)")]
    public void A_value_of_the_wrong_type_is_named(string payload, string said)
    {
        var rejection = Reject(payload);

        Assert.Equal(RejectionReason.WrongType, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"text":null}""", "The text at /text is null (byte 8)")]
    [InlineData("null", "The payload is null (byte 0)")]
    [InlineData("[]", "The payload is an array without elements")]
    public void Null_is_no_text(string payload, string said)
    {
        var rejection = Reject(payload);

        Assert.Equal(RejectionReason.MissingText, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"text":""}""")]
    [InlineData("""{"text":" \t\u00a0\u2003\n"}""")]
    [InlineData("")]
    [InlineData(" \r\n")]
    public void Empty_text_is_rejected(string payload) => Assert.Equal(RejectionReason.EmptyText, Reject(payload).Reason);

    [Theory]
    [InlineData(new byte[] { 0xFF }, 9)]
    [InlineData(new byte[] { 0xC3 }, 9)]
    [InlineData(new byte[] { (byte)'a', 0xED, 0xA0, 0x80 }, 10)]
    [InlineData(new byte[] { 0xC0, 0x80 }, 9)]
    public void Invalid_UTF8_is_rejected_wherever_it_is(byte[] wrong, int position)
    {
        byte[] inText = [.. "{\"text\":\""u8, .. wrong, .. "\"}"u8];
        byte[] beside = [.. "{\"note\":\""u8, .. wrong, .. "\",\"text\":\"x\"}"u8];

        foreach (var payload in new[] { inText, beside })
        {
            var rejection = Reject(payload);
            Assert.Equal(RejectionReason.InvalidUtf8, rejection.Reason);
            Assert.Contains($"at byte {position} of {payload.Length}: found 0x", rejection.Message, StringComparison.Ordinal);
        }
        Assert.Equal(RejectionReason.InvalidUtf8, Reject(wrong, InputFormat.Text).Reason);
    }

    [Fact]
    public void Nesting_is_read_to_its_limit_and_no_deeper()
    {
        // The object that holds the text is one level itself.
        static string Nested(int levels) => $$"""{"a":{{new string('[', levels)}}{{new string(']', levels)}},"text":"x"}""";

        Assert.Equal("x", TextOf(Nested(999)));
        var rejection = Reject(Nested(1000));
        Assert.Equal(RejectionReason.MalformedPayload, rejection.Reason);
        Assert.True(rejection.Message.Contains("depth of 1000", StringComparison.Ordinal), rejection.Message);
        Assert.Equal(RejectionReason.MalformedPayload, Reject(new string('[', 1_000_000)).Reason);
    }

    [Fact]
    public void Numbers_beyond_every_type_are_carried() =>
        Assert.Equal("x", TextOf($$"""{"n":{{new string('9', 5000)}},"m":-1e999999,"text":"x"}"""));

    [Fact]
    public void A_byte_order_mark_is_skipped()
    {
        Assert.Equal("x", TextOf("\uFEFF{\"text\":\"x\"}"));
        Assert.Equal("x", TextOf("\uFEFFx", InputFormat.Text));
    }

    [Fact]
    public void A_payload_over_the_limit_is_rejected_with_both_sizes()
    {
        var decoder = new EventDecoder(new() { MaxPayloadBytes = 12 });

        Assert.True(decoder.TryDecode(Record("""{"text":"x"}"""u8.ToArray()), out _, out _));
        Assert.False(decoder.TryDecode(Record("""{"text":"xy"}"""u8.ToArray()), out _, out var rejection));
        Assert.Equal(RejectionReason.PayloadTooLarge, rejection.Reason);
        Assert.Contains("13 bytes; expected at most 12", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_of_a_megabyte_is_decoded_in_every_format()
    {
        var text = string.Concat(Enumerable.Repeat("hällo \"wörld\" 😀 ", 60_000));
        var json = System.Text.Json.JsonSerializer.Serialize(new { text });

        Assert.Equal(text, TextOf(json));
        Assert.Equal(text, TextOf(text, InputFormat.Text));
    }

    [Fact]
    public void Framed_JSON_is_read_and_other_framed_payloads_are_named()
    {
        using var decoded = Decode([0, 0, 0, 0xFF, 7, .. " {\"text\":\"x\"}"u8]);
        Assert.Equal("x", decoded.Text.ToString());

        var rejection = Reject([0, 0, 0, 0xFF, 7, 2, 0xE9, 8]);
        Assert.Equal(RejectionReason.UnsupportedEncoding, rejection.Reason);
        Assert.Contains("schema id 65287", rejection.Message, StringComparison.Ordinal);
        Assert.Contains("Avro and Protobuf", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rejections_do_not_repeat_the_payload()
    {
        const string Secret = "hunter2-hunter2-hunter2";
        string[] payloads =
        [
            $$"""{"{{Secret}}":"{{Secret}}"}""", $$"""{"text":{"password":"{{Secret}}"} }""", $$"""{"text":"{{Secret}}" "{{Secret}}"}""",
            "{\"text\":" + Secret + "}", $$"""{"{{Secret}}":"{{Secret}}","text":"x",}""", Secret, $$"""{"text":"{{Secret}}\q"}""",
            "the password is " + Secret, "[" + Secret + "]", "[\"" + Secret + "\" " + Secret + "]", "nul " + Secret, $"12{Secret}",
            $$"""{"specversion":"{{Secret}}","id":"{{Secret}}","text":5}""", $$"""{"text":"x"} {{Secret}}""",
        ];

        foreach (var payload in payloads) Assert.DoesNotContain("hunter", Reject(payload).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "starts with '/'")]
    [InlineData("text", "starts with '/'")]
    [InlineData("/a~b", "'~' without 0 or 1")]
    [InlineData("/a~", "'~' without 0 or 1")]
    [InlineData("/analysis/text", "that the result replaces")]
    public void A_pointer_that_cannot_be_used_is_refused_at_start(string path, string said)
    {
        var exception = Assert.Throws<ArgumentException>(() => new EventDecoder(new() { TextPointer = path }));
        Assert.Contains(said, exception.Message, StringComparison.Ordinal);

        var refused = Assert.Throws<UsageException>(() => AppSettings.From([new("Input:TextPointer", path, "test")]));
        Assert.Contains(said, Assert.Single(refused.Message.Split('\n'), line => line.StartsWith("  Input:TextPointer: found ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tombstone_is_not_decoded() =>
        Assert.Throws<ArgumentException>(() => new EventDecoder(new()).TryDecode(Record([]) with { Payload = null }, out _, out _));
}
