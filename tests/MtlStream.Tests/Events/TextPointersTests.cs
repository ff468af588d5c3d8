using System.Text.Json;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Tests.Schemas;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>A text that may be in one of several places, or is made of several.</summary>
public sealed class TextPointersTests
{
    private static readonly InputOptions s_tweet = new() { TextPointers = ["/extended_tweet/full_text", "/text", "/note"] };
    private static readonly InputOptions s_mail = new() { TextPointers = ["/subject", "/parts/0/body", "/footer"], JoinTexts = true };

    [Theory]
    [InlineData("""{"text":null,"extended_tweet":{"full_text":"a good day"}}""", "a good day", "/extended_tweet/full_text")]
    [InlineData("""{"text":"short","extended_tweet":{"full_text":"long"}}""", "long", "/extended_tweet/full_text")]
    [InlineData("""{"text":"short"}""", "short", "/text")]
    [InlineData("""{"text":"short","extended_tweet":null}""", "short", "/text")]
    [InlineData("""{"text":"short","extended_tweet":{"full_text":" \u00a0\n"}}""", "short", "/text")]
    [InlineData("""{"extended_tweet":{"full_text":5},"text":"","note":"last \"one\""}""", "last \"one\"", "/note")]
    public void The_first_text_that_is_there_is_taken_and_named(string payload, string text, string from)
    {
        using var decoded = Decode(s_tweet, payload);

        Assert.Equal(text, decoded.Text.ToString());
        Assert.Equal([new(from, 0, text.Length)], decoded.Fields);
    }

    [Fact]
    public void Texts_are_joined_and_ranges_say_which_field_is_where()
    {
        using var decoded = Decode(s_mail, """{"parts":[{"body":"It rained in Paris."}],"footer":"","subject":"Trip \u00fcber"}""");

        Assert.Equal("Trip über\n\nIt rained in Paris.", decoded.Text.ToString());
        Assert.Equal([new("/subject", 0, 9), new("/parts/0/body", 11, 30)], decoded.Fields);
    }

    [Fact]
    public void The_answer_holds_the_ranges_and_every_span_lies_in_the_field_that_they_say()
    {
        const string Payload = """{"subject":"Angela Merkel","parts":[{"body":"visited Paris"}]}""";

        var output = Encode(Decode(s_mail, Payload), entities: [1, 2, 0, 3]);

        Assert.Equal("""{"subject":"Angela Merkel","parts":[{"body":"visited Paris"}],@}""", Around(output.Payload));
        using var json = JsonDocument.Parse(output.Payload);
        var analysis = json.RootElement.GetProperty("analysis");
        Assert.Equal(
            """[{"pointer":"/subject","start":0,"end":13},{"pointer":"/parts/0/body","start":15,"end":28}]""",
            analysis.GetProperty("fields").GetRawText());
        var spans = analysis.GetProperty("tasks").GetProperty("entities").GetProperty("spans");
        Assert.Equal(["Angela Merkel 0", "Paris 23"], spans.EnumerateArray().Select(s => $"{s.GetProperty("text")} {s.GetProperty("start")}"));
        Assert.Empty(SchemaFiles.Strict("enriched-event.v1").Problems(json.RootElement));
    }

    [Theory]
    [InlineData(@"\n", "a\nb")]
    [InlineData(" | ", "a | b")]
    [InlineData("", "ab")]
    [InlineData(@"\t\n", "a\t\nb")]
    public void What_stands_between_joined_texts_is_a_setting(string separator, string text)
    {
        using var decoded = Decode(new() { TextPointers = ["/0", "/1"], JoinTexts = true, TextSeparator = separator }, """{"0":"a","1":"b"}""");

        Assert.Equal(text, decoded.Text.ToString());
        Assert.Equal(new("/1", text.Length - 1, text.Length), decoded.Fields![1]);
    }

    [Theory]
    [InlineData("""{"note":null}""", RejectionReason.MissingText, "\"extended_tweet\"", "\"text\"", "The text at /note is null")]
    [InlineData("""{"note":"  ","text":null}""", RejectionReason.EmptyText, "\"extended_tweet\"", "is null", "The text at /note is empty or white space")]
    [InlineData("""{"note":"","text":17}""", RejectionReason.WrongType, "\"extended_tweet\"", "a number", "empty or white space")]
    public void Where_none_leads_to_a_text_each_says_why(string payload, RejectionReason reason, params string[] said)
    {
        var rejection = Reject(s_tweet, payload);

        Assert.Equal(reason, rejection.Reason);
        Assert.All(said, s => Assert.Contains(s, rejection.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void One_pass_finds_all_of_them_wherever_they_cross()
    {
        InputOptions options = new() { TextPointers = ["/a/1/b", "/a/0", "/a/1/c/0", "/a", "/b/a"], JoinTexts = true, TextSeparator = "+" };

        using var decoded = Decode(options, """{"b":{"a":"5"},"a":"no","a":["2",{"c":["3",[]],"b":"1"},"x"]}""");

        Assert.Equal("1+2+3+5", decoded.Text.ToString());
    }

    [Fact]
    public void Long_pointers_are_followed_without_recursion()
    {
        var pointer = string.Concat(Enumerable.Repeat("/a", 64));
        var payload = string.Concat(Enumerable.Repeat("""{"b":[[]],"a":""", 64)) + "\"deep\"" + new string('}', 64);

        Assert.Equal("deep", TextOf(payload, pointer: pointer));
    }

    [Fact]
    public void A_pointer_goes_on_inside_JSON_that_is_in_a_string()
    {
        const string Log = """{"stream":"stdout","log":"{\"level\":\"info\",\"event\":\"{\\\"text\\\":\\\"a \\\\\\\"good\\\\\\\" day\\\"}\"}\n"}""";

        using var decoded = Decode(new() { TextPointer = "/log/event/text" }, Log);

        Assert.Equal("a \"good\" day", decoded.Text.ToString());
        Assert.Equal(Log[..^1] + ",@}", Around(Encode(decoded).Payload));
    }

    [Theory]
    [InlineData("""{"log":"{\"level\":1}"}""", RejectionReason.MissingText, "byte 0 of the JSON in a string")]
    [InlineData("""{"log":"{\"text\":1}"}""", RejectionReason.WrongType, "byte 8 of the JSON in a string")]
    [InlineData("""{"log":"{\"text\":"}""", RejectionReason.MalformedPayload, "byte 8 of the JSON in a string")]
    [InlineData("""{"log":"plain"}""", RejectionReason.MissingText, "The value at /log is a string")]
    public void A_string_in_which_the_pointer_leads_nowhere_says_so(string payload, RejectionReason reason, string said)
    {
        var rejection = Reject(payload, pointer: "/log/text");

        Assert.Equal(reason, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--Input:TextPointers:0=/a", "--Input:TextPointers:1=b", "--Input:TextPointers:2=/c", "starts with '/'")]
    [InlineData("--Input:TextPointers:0=/a", "--Input:TextPointer=/b", "--Input:Format=Json", "Input:TextPointers")]
    [InlineData("--Input:TextPointers:0=/a", "--Input:JoinTexts=true", "--Input:Format=Json", "with 1 pointers")]
    public void Settings_that_cannot_be_meant_are_refused(string one, string other, string third, string said)
    {
        var refused = Assert.Throws<UsageException>(() => AppSettings.From(
            SettingsReader.Read(null, new Dictionary<string, string>(), [one, other, third]), "InputTopics", "OutputTopic", "DeadLetterTopic"));

        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_pointers_are_read_from_settings_and_one_pointer_stays_valid()
    {
        var settings = AppSettings.From(
            SettingsReader.Read(null, new Dictionary<string, string>(), ["--Input:TextPointers:0=/a", "--Input:TextPointers:1=/b/c", "--Input:JoinTexts=true"]),
            "InputTopics", "OutputTopic", "DeadLetterTopic");

        Assert.Equal(["/a", "/b/c"], settings.Input.TextPointers);
        using var single = Decode(new InputOptions { TextPointer = "/a" }, """{"a":"x"}""");
        Assert.Null(single.Fields);
    }
}
