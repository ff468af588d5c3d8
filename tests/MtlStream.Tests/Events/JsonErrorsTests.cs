using System.Diagnostics;
using System.Text;
using System.Text.Unicode;
using MtlStream.Events;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>What is said of JSON that is not well-formed: the reason that is true, and nothing of the text.</summary>
public sealed class JsonErrorsTests
{
    [Theory]
    [InlineData("""{"text":"x",}""", "a comma stands before the closing '}'")]
    [InlineData("""{"text":"x","a":[1, ]}""", "a comma stands before the closing ']'")]
    [InlineData("""{"text":"x" """, "it ends before it is closed")]
    [InlineData("""{"text":"x""", "it ends before it is closed")]
    [InlineData("the quick brown fox", "it starts with 0x74, which begins no JSON")]
    [InlineData("{\"text\":\"a\nb\"}", "found the control character 0x0A, which a string holds as \\u000a")]
    [InlineData("""{"text":"a\qb"}""", "a backslash stands before 0x71, which is no escape")]
    [InlineData("""{"text":tru""", "found 0x74 where it cannot be")]
    [InlineData("{\"text\":nul\n}", "found 0x6E where it cannot be")]
    [InlineData("""{text:"x"}""", "found 0x74 where it cannot be")]
    [InlineData("""{"text":"x"}}""", "found '}' behind the end of the document")]
    [InlineData("{\"text\":\"x\"}\0", "found 0x00 behind the end of the document")]
    [InlineData("""{"text":"x"} {"text":"y"}""", "found '{' behind the end of the document")]
    [InlineData("{'text':'x'}", "found 0x27 (a single quote) where it cannot be")]
    [InlineData("{\"text\":\"x\"} // note", "found 0x2F (a slash) behind the end of the document")]
    [InlineData("<note>x</note>", "it starts with 0x3C, which begins no JSON; it looks like XML or HTML")]
    [InlineData("<!DOCTYPE html>", "it looks like XML or HTML")]
    [InlineData("%PDF-1.4", "it looks like a PDF file")]
    [InlineData("PK\u0003\u0004", "it looks like a ZIP archive")]
    [InlineData("Obj\u0001\u0004", "it looks like an Avro file")]
    [InlineData("\u0004\"M\u0018", "it looks like LZ4 data")]
    [InlineData("\u0010\0\0\0\u0002text\0\u0002\0\0\0a\0", "it looks like BSON")]
    public void The_reason_is_said_in_words_that_are_true(string payload, string said) =>
        Assert.Contains(said, Reject(payload).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("the password is ")]
    [InlineData("{\"a\":\"b\",\"text\":false alarm ")]
    [InlineData("{\"a\":\"\\\"\",\"text\":tru ")]
    [InlineData("[1,\"x\",null,nul ")]
    public void Megabytes_of_prose_in_place_of_JSON_cost_no_more_than_looking_at_them(string start)
    {
        var payload = Encoding.UTF8.GetBytes(start + string.Concat(Enumerable.Repeat("hunter2 ", 1 << 20)));
        var small = Encoding.UTF8.GetBytes(start + "hunter2 ");
        var before = GC.GetAllocatedBytesForCurrentThread();

        var rejection = Reject(payload);

        Assert.Equal(RejectionReason.MalformedPayload, rejection.Reason);
        Assert.DoesNotContain("hunter2", rejection.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Equal(
            Reject(small).Message.Replace($" of {small.Length}", "", StringComparison.Ordinal),
            rejection.Message.Replace($" of {payload.Length}", "", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_a_word_is_cut_off_for_the_message_is_where_the_reader_stops_by_itself()
    {
        var random = new Random(5);
        string[] parts = ["true", "false", "null", "tru", "nulls", "\"t\"", "\"\\\"f\"", "\"\\\\\"", "\"", "[", "]", "{", "}", ":", ",", "1", "-", "x", " "];
        for (var round = 0; round < 3_000; round++)
        {
            var json = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));
            var large = Encoding.UTF8.GetBytes("{\"filler\":\"" + new string('t', 1 << 15) + "\",\"a\":" + json);
            var plain = Encoding.UTF8.GetBytes("{\"filler\":\"\",\"a\":" + json);

            var (one, other) = (Outcome(plain), Outcome(large));

            Assert.True(one == other, $"{json}: {one} {other}");
        }

        static string Outcome(byte[] payload)
        {
            var rejection = new EventDecoder(new()).Decode(Record(payload)).Rejection;
            var message = rejection?.Message ?? "";
            var said = message.IndexOf(": ", StringComparison.Ordinal);
            return $"{rejection?.Reason} {(said < 0 ? "" : message[said..])}";
        }
    }

    [Fact]
    public void A_payload_of_64_MiB_is_refused_in_the_time_that_it_takes_to_look_at_it()
    {
        var payload = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("the quick brown fox jumps over the lazy dog. ", (64 << 20) / 45)));
        var decoder = new EventDecoder(new() { MaxPayloadBytes = 64 << 20 });
        var looking = Quickest(() => Assert.True(Utf8.IsValid(payload)));

        var refusing = Quickest(() => Assert.Equal(RejectionReason.MalformedPayload, decoder.Decode(Record(payload)).Rejection?.Reason));

        var most = (100 * looking) + TimeSpan.FromMilliseconds(100); // 4.5 s to some 10 ms when the reader's own message was made
        Assert.True(refusing < most, $"{refusing}, {looking} for looking at it");

        static TimeSpan Quickest(Action action) => Enumerable.Range(0, 3).Min(_ =>
        {
            var watch = Stopwatch.StartNew();
            action();
            return watch.Elapsed;
        });
    }
}
