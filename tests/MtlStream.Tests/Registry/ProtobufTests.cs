using System.Text;
using MtlStream.Events;
using MtlStream.Registry.Protobuf;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>Protobuf whose .proto file the registry has: texts, answers, and what they look like to who has the old file.</summary>
public sealed class ProtobufTests
{
    private const string Review =
        """
        syntax = "proto3"; // message Review { of a comment
        package shop;
        import "google/protobuf/wrappers.proto";
        import "google/protobuf/struct.proto";
        import "common/note.proto";
        message Other { string text = 1; }
        /* message Review { */
        message Review {
          option deprecated = false;
          string text = 1;
          int64 id = 2;
          Body body = 3;
          repeated string lines = 4;
          map<string, string> names = 5;
          map<int32, Body> bodies = 6;
          oneof content { string plain = 7; Body rich = 8; bytes raw = 15; }
          google.protobuf.StringValue wrapped = 9;
          google.protobuf.Struct attributes = 10;
          Mood mood = 11;
          repeated sint32 numbers = 12;
          common.Note note = 13;
          string camel_case = 14;
          message Body { string text = 1; Body inner = 2; message Deep { string text = 1; } }
          enum Mood { NONE = 0; FINE = 1; }
          reserved 15000 to 15002;
        }
        """;

    private const string Note = """syntax = "proto3"; package common; message Note { string text = 1; }""";

    public static TheoryData<string, string> Places => new()
    {
        { "/text", "a good day" },
        { "/body/text", "body" },
        { "/body/inner/inner/text", "deep" },
        { "/lines/1", "second" },
        { "/names/de", "Anna" },
        { "/bodies/-7/text", "minus seven" },
        { "/rich/text", "rich" },
        { "/wrapped", "wrapped" },
        { "/attributes/list/1/name", "in a struct" },
        { "/mood", "FINE" },
        { "/note/text", "elsewhere" },
        { "/camelCase", "camel" },
        { "/camel_case", "camel" },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_pointer_leads_through_messages_lists_maps_and_well_known_types(string place, string expected)
    {
        using var run = Run(place, out _);

        Assert.Equal(expected, await run.TextAsync(Framed(Value().All)));
    }

    [Theory]
    [InlineData("/nowhere", "missing_text")]
    [InlineData("/lines/9", "missing_text")]
    [InlineData("/names/fr", "missing_text")]
    [InlineData("/plain", "missing_text")] // set, and then another part of its oneof
    [InlineData("/id", "wrong_type")]
    [InlineData("/body", "wrong_type")]
    [InlineData("/lines", "wrong_type")]
    [InlineData("/numbers/1", "wrong_type")]
    [InlineData("/attributes/list", "wrong_type")]
    public async Task A_pointer_that_leads_to_no_text_rejects_the_event(string place, string reason)
    {
        using var run = Run(place, out _);

        Assert.Equal(reason, (await run.RejectAsync(Framed(Value().All))).Reason.WireName());
    }

    [Fact]
    public async Task Of_a_field_that_comes_twice_the_last_counts_and_unknown_fields_are_passed_over()
    {
        using var run = Run("/text", out _);
        var unknown = new ProtoBytes().Text(1, "in a group").Group(77, new ProtoBytes().Varint(1, 5));
        var value = new ProtoBytes().Text(1, "first").Group(100, unknown).Bytes(101, [1, 2]).Double(102, 1.5).Varint(1, 9).Text(1, "last");

        Assert.Equal("last", await run.TextAsync(Framed(value.All)));
    }

    [Fact]
    public async Task Groups_of_proto2_and_packed_and_unpacked_lists_are_read()
    {
        const string Proto2 =
            """syntax = "proto2"; message M { repeated group Entry = 1 { required string text = 2; } repeated int32 n = 3 [packed = true]; extensions 15000; }""";
        var registry = new TableRegistry();
        registry.Add(7, Proto2, SchemaType.Protobuf);
        using var run = new RegistryRun(registry, new() { TextPointer = "/entry/1/text" });
        var value = new ProtoBytes().Group(1, new ProtoBytes().Text(2, "one")).Bytes(3, [1, 2]).Varint(3, 3).Group(1, new ProtoBytes().Text(2, "two"));

        Assert.Equal("two", await run.TextAsync(RegistryRun.Framed(7, [0, .. value.All])));
        Assert.Contains("optional MtlStreamAnalysis analysis = 15001;", Assert.Single(registry.Registered).Schema.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Message_indexes_name_a_message_by_its_place_in_the_file()
    {
        using var run = Run("/text", out var registry);
        byte[] value = new ProtoBytes().Text(1, "x").All;

        Assert.Equal("x", await run.TextAsync(RegistryRun.Framed(7, [0, .. value]))); // Other
        Assert.Equal("x", await run.TextAsync(RegistryRun.Framed(7, [2, 0, .. value])));
        Assert.Equal("x", await run.TextAsync(RegistryRun.Framed(7, [6, 2, 0, 0, .. value]))); // Review.Body.Deep
        Assert.Equal(
            ["shop.Other", "shop.Review.Body.Deep"],
            registry.Registered.Select(r => ProtoSchema.Parse(r.Schema)).Select(s => s.Find("shop.Other")!.Fields.Count > 1 ? "shop.Other" : "shop.Review.Body.Deep"));
        Assert.Equal(RejectionReason.MalformedPayload, (await run.RejectAsync(RegistryRun.Framed(7, [2, 8, .. value]))).Reason);
    }

    [Fact]
    public async Task An_answer_is_the_value_with_one_field_more_of_a_number_that_is_free()
    {
        using var run = Run("/text", out var registry);
        var payload = Framed(Value().All);

        var answer = (await run.AnswerAsync(payload)).Payload!;

        var registered = Assert.Single(registry.Registered);
        Assert.Equal(RegistryRun.Framed(registered.Id, payload.AsSpan(5)), answer[..payload.Length]);
        var message = ProtoSchema.Parse(registered.Schema).Find("shop.Review")!;
        var field = Assert.Single(message.Fields, f => f.Name == "analysis");
        Assert.Equal(15_003, field.Number);
        Assert.Single(registered.Schema.References);
        var json = ProtoToJson(registered.Schema, answer, payload.Length);
        Assert.Equal("demo \"mini\"", json.GetProperty("model").GetProperty("name").GetString());
        var tasks = json.GetProperty("tasks");
        Assert.Equal("positive", tasks.GetProperty("sentiment").GetProperty("label").GetString());
        Assert.False(tasks.GetProperty("intent").TryGetProperty("label", out _));
        Assert.Equal("Annä", tasks.GetProperty("entities").GetProperty("spans")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task An_analysis_that_is_there_already_is_replaced()
    {
        using var once = Run("/text", out var first);
        var answered = (await once.AnswerAsync(Framed(Value().All))).Payload!;
        var text = Assert.Single(first.Registered).Schema;
        var second = new TableRegistry();
        second.Add(7, text.Text, SchemaType.Protobuf, [.. text.References]);
        using var twice = new RegistryRun(second);

        var again = (await twice.AnswerAsync([0, 0, 0, 0, 7, .. answered.AsSpan(5)])).Payload!;

        Assert.Equal(answered[5..], again[5..]);
        Assert.Equal(text.Text, Assert.Single(second.Registered).Schema.Text);
    }

    [Fact]
    public async Task On_request_an_answer_is_json()
    {
        using var run = Run("/text", out var registry, OutputFormat.Json);

        var value = new ProtoBytes().Text(1, "hi").Varint(2, -5).Text(4, "a").Text(4, "b").Bytes(12, [1, 2]).Varint(11, 1);
        var answer = await run.AnswerAsync(Framed(value.All));

        Assert.Equal(
            $$"""{"text":"hi","id":"-5","lines":["a","b"],"mood":"FINE","numbers":[-1,1],"analysis":{{RegistryRun.Analysis}}}""",
            Encoding.UTF8.GetString(answer.Payload!));
        Assert.Empty(registry.Registered);
    }

    [Theory]
    [InlineData("not proto")]
    [InlineData("syntax = \"proto3\";")]
    [InlineData("syntax = \"proto3\"; import \"nowhere.proto\"; message M { string text = 1; }")]
    [InlineData("syntax = \"proto3\"; message M { Nowhere text = 1; }")]
    [InlineData("syntax = \"proto3\"; message M { string text = 1; ")]
    public async Task A_schema_that_does_not_parse_is_a_dead_letter_with_its_id(string schema)
    {
        var registry = new TableRegistry();
        registry.Add(7, schema, SchemaType.Protobuf);
        using var run = new RegistryRun(registry);

        var rejection = await run.RejectAsync(RegistryRun.Framed(7, [0, 10, 1, 65]));

        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains("schema id 7", rejection.Message, StringComparison.Ordinal);
    }

    private static System.Text.Json.JsonElement ProtoToJson(SchemaText schema, byte[] answer, int from)
    {
        var message = ProtoSchema.Parse(schema).Find("shop.Review")!;
        var output = new MtlStream.Json.Utf8Buffer();
        var wrapper = new ProtoMessage("Only", ["Only"], false);
        wrapper.Fields.Add(message.Fields.Find(f => f.Name == "analysis")! with { Name = "own", JsonName = "own" });
        ProtoJson.Write(wrapper, answer, from, output);
        return System.Text.Json.JsonDocument.Parse((byte[])[.. output.Written[..^1], (byte)'}']).RootElement.GetProperty("own");
    }

    private static ProtoBytes Value() => new ProtoBytes()
        .Text(1, "a good day").Varint(2, 5)
        .Message(3, new ProtoBytes().Text(1, "body").Message(2, new ProtoBytes().Message(2, new ProtoBytes().Text(1, "deep"))))
        .Text(4, "first").Text(4, "second")
        .Message(5, new ProtoBytes().Text(2, "Anna").Text(1, "de")) // the value first
        .Message(6, new ProtoBytes().Varint(1, -7).Message(2, new ProtoBytes().Text(1, "minus seven")))
        .Text(7, "overruled").Message(8, new ProtoBytes().Text(1, "rich"))
        .Message(9, new ProtoBytes().Text(1, "wrapped"))
        .Message(10, Struct("list", new ProtoBytes().Message(6, new ProtoBytes().Message(1, new ProtoBytes().Varint(1, 0))
            .Message(1, new ProtoBytes().Message(5, Struct("name", new ProtoBytes().Text(3, "in a struct")))))))
        .Varint(11, 1).Bytes(12, [1, 2]).Message(13, new ProtoBytes().Text(1, "elsewhere")).Text(14, "camel");

    private static ProtoBytes Struct(string key, ProtoBytes value) => new ProtoBytes().Message(1, new ProtoBytes().Text(1, key).Message(2, value));

    private static byte[] Framed(byte[] value) => RegistryRun.Framed(7, [2, 2, .. value]);

    private static RegistryRun Run(string pointer, out TableRegistry registry, OutputFormat output = OutputFormat.Same)
    {
        registry = new TableRegistry();
        registry.Add(7, Review, SchemaType.Protobuf, new SchemaReferenceText("common/note.proto", Note, "note", 1));
        return new(registry, new() { TextPointer = pointer }, output);
    }
}
