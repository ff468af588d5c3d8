using System.Text;
using System.Text.Json.Nodes;
using MtlStream.Events;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>Values and schemas that nobody wrote by mistake.</summary>
public sealed class HostileValuesTests
{
    private const string Everything =
        """{"type":"record","name":"R","fields":[{"name":"text","type":"string"},{"name":"u","type":["null","string","long"]},{"name":"a","type":{"type":"array","items":"boolean"}},{"name":"n","type":{"type":"array","items":"null"}},{"name":"m","type":{"type":"map","values":"bytes"}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"d","type":"double"}]}""";

    private const string Node = """{"type":"record","name":"Node","fields":[{"name":"text","type":"string"},{"name":"next","type":["null","Node"]}]}""";

    private static readonly byte[] s_value = [4, .. "hi"u8, 2, 2, (byte)'x', 4, 1, 0, 0, 2, 0, 2, 2, (byte)'k', 2, 9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];

    [Fact]
    public async Task A_value_that_is_cut_off_anywhere_is_rejected()
    {
        using var run = Run(Everything);
        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, s_value)));

        for (var length = 0; length < s_value.Length; length++)
        {
            var rejection = await run.RejectAsync(RegistryRun.Framed(7, s_value.AsSpan(0, length)));
            Assert.Equal(RejectionReason.MalformedPayload, rejection.Reason);
            Assert.Contains("schema id 7", rejection.Message, StringComparison.Ordinal);
        }
        Assert.Contains("1 bytes follow", (await run.RejectAsync(RegistryRun.Framed(7, [.. s_value, 0]))).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[], string> Lies => new()
    {
        { "a string longer than the value", [200, 1, .. "hi"u8], "a string at byte 7 has 100 bytes, and the value ends after 2" },
        { "a string of less than nothing", [3, .. "hi"u8], "expected none below zero" },
        { "a string of 2^62 bytes", [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 65], "the value ends after 1" },
        { "a number of eleven bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], "more than ten bytes" },
        { "a branch that there is not", [4, .. "hi"u8, 6], "has the branch 3, and the schema 3 branches" },
        { "a branch below zero", [4, .. "hi"u8, 1], "has the branch -1" },
        { "more items than bytes", [4, .. "hi"u8, 0, 200, 1, 1], "has 100 items" },
        { "a block of less than nothing", [4, .. "hi"u8, 0, 1, 3], "has -2 bytes" },
        { "a block that ends elsewhere", [4, .. "hi"u8, 0, 1, 4, 1, 0, 0, 0], "should end at byte" },
        { "a block of -2^63 items", [4, .. "hi"u8, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], "items" },
        { "2^62 items of no bytes", [4, .. "hi"u8, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0], "items of no bytes" },
        { "a symbol that there is not", [4, .. "hi"u8, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0], "has the symbol 2, and the schema 2 symbols" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_value_that_lies_is_rejected(string name, byte[] value, string message)
    {
        using var run = Run(Everything);

        var rejection = await run.RejectAsync(RegistryRun.Framed(7, value));

        Assert.True(rejection.Message.Contains(message, StringComparison.Ordinal), $"{name}: {rejection.Message}");
    }

    [Fact]
    public async Task Ten_million_blocks_are_read_or_rejected_in_one_pass()
    {
        using var run = Run(Everything);
        byte[] begin = [4, .. "hi"u8, 0];
        var ones = new byte[10_000_000];
        for (var i = 0; i < ones.Length; i += 2) ones[i] = 2; // a block of one item, which is false
        byte[] end = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var nothings = new byte[10_000_000];
        Array.Fill(nothings, (byte)2); // a block of one null

        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, [.. begin, .. ones, .. end])));
        Assert.Equal(RejectionReason.MalformedPayload, (await run.RejectAsync(RegistryRun.Framed(7, [.. begin, 0, .. nothings, .. end]))).Reason);
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(100_000, false)]
    public async Task Values_in_values_are_read_to_a_depth(int depth, bool isRead)
    {
        using var run = Run(Node);
        byte[] value = [.. Enumerable.Range(0, depth).SelectMany(_ => new byte[] { 2, 65, 2 }), 2, 65, 0];

        var decoded = await run.DecodeAsync(RegistryRun.Framed(7, value));

        Assert.Equal(isRead, decoded.Event is not null);
        if (!isRead) Assert.Contains("levels deep", decoded.Rejection!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(50, true)]
    [InlineData(100_000, false)]
    public async Task Messages_in_messages_are_read_to_a_depth(int depth, bool isRead)
    {
        var registry = new TableRegistry();
        registry.Add(7, """syntax = "proto2"; message M { optional string text = 1; }""", SchemaType.Protobuf);
        using var run = new RegistryRun(registry);
        byte[] groups = [.. Enumerable.Repeat((byte)0x13, depth), .. Enumerable.Repeat((byte)0x14, depth)]; // of the field 2

        var decoded = await run.DecodeAsync(RegistryRun.Framed(7, [0, 10, 2, .. "hi"u8, .. groups]));

        Assert.Equal(isRead, decoded.Event is not null);
    }

    public static TheoryData<byte[], string> BadMessages => new()
    {
        { [10, 5, 65], "the value ends after 1" },
        { [10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], "the value ends after 0" },
        { [2, 0], "has the number 0" },
        { [12], "and did not begin" },
        { [11, 8, 1], "does not end" },
        { [11, 20], "and did not begin" },
        { [14], "wire type 6" },
        { [8], "cut off" },
        { [26, 2, 10, 5, 65], "ends after" }, // a message whose field is longer than it
    };

    [Theory]
    [MemberData(nameof(BadMessages))]
    public async Task A_message_that_lies_is_rejected(byte[] value, string message)
    {
        var registry = new TableRegistry();
        registry.Add(7, """syntax = "proto3"; message M { string text = 1; M inner = 3; }""", SchemaType.Protobuf);
        using var run = new RegistryRun(registry, new() { TextPointers = ["/inner/text", "/text"] });

        var rejection = await run.RejectAsync(RegistryRun.Framed(7, [0, .. value]));

        Assert.Equal(RejectionReason.MalformedPayload, rejection.Reason);
        Assert.Contains(message, rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_that_is_not_utf8_is_rejected()
    {
        using var run = Run(Node);

        Assert.Equal(RejectionReason.InvalidUtf8, (await run.RejectAsync(RegistryRun.Framed(7, [4, 0xC3, 0x28, 0]))).Reason);
        Assert.Equal(RejectionReason.EmptyText, (await run.RejectAsync(RegistryRun.Framed(7, [0, 0]))).Reason);
        Assert.Equal("�", (await run.TextAsync(RegistryRun.Framed(7, [6, 0xEF, 0xBF, 0xBD, 0]))));
    }

    [Fact]
    public async Task A_schema_of_a_megabyte_is_read()
    {
        var fields = new JsonArray([new JsonObject { ["name"] = "text", ["type"] = "string" }]);
        for (var i = 0; i < 20_000; i++) fields.Add(new JsonObject { ["name"] = $"field{i}", ["type"] = "boolean", ["doc"] = "a field" });
        var schema = new JsonObject { ["type"] = "record", ["name"] = "R", ["fields"] = fields }.ToJsonString();
        Assert.True(schema.Length > 1 << 20);
        using var run = Run(schema);

        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, [4, .. "hi"u8, .. new byte[20_000]])));
    }

    [Theory]
    [InlineData("""{"type":"array","items":""", "\"int\"", "}")]
    [InlineData("[", "\"int\"", "]")]
    public async Task A_schema_of_a_hundred_thousand_levels_is_refused(string open, string inner, string close)
    {
        using var run = Run(string.Concat(Enumerable.Repeat(open, 100_000)) + inner + string.Concat(Enumerable.Repeat(close, 100_000)));

        Assert.Equal("unknown_schema", (await run.RejectAsync(RegistryRun.Framed(7, [0]))).Reason.WireName());
    }

    [Fact]
    public async Task A_chain_of_twenty_thousand_records_is_read_or_refused()
    {
        var records = new JsonArray();
        for (var i = 0; i < 20_000; i++)
        {
            var type = i == 0 ? (JsonNode)"string" : $"R{i - 1}";
            records.Add(new JsonObject { ["type"] = "record", ["name"] = $"R{i}", ["fields"] = new JsonArray(new JsonObject { ["name"] = "text", ["type"] = type }) });
        }
        using var run = Run(records.ToJsonString());

        var decoded = await run.DecodeAsync(RegistryRun.Framed(7, [0, 4, .. "hi"u8]));

        Assert.True(decoded.Event is not null || decoded.Rejection!.Reason == RejectionReason.UnknownSchema);
    }

    [Fact]
    public async Task A_message_that_is_cut_off_anywhere_is_answered_or_rejected()
    {
        using var run = RunOfMessages("""syntax = "proto3"; message M { string text = 1; M inner = 3; repeated int32 n = 4; double d = 5; map<string, string> m = 6; }""");
        byte[] value = new ProtoBytes().Text(1, "hi").Message(3, new ProtoBytes().Text(1, "there")).Bytes(4, [1, 2, 200, 1]).Double(5, 1.5)
            .Message(6, new ProtoBytes().Text(1, "k").Text(2, "v")).All;
        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, [0, .. value])));
        List<int> whole = [];

        for (var length = 0; length < value.Length; length++)
        {
            var decoded = await run.DecodeAsync(RegistryRun.Framed(7, [0, .. value.AsSpan(0, length)]));
            if (decoded.Rejection is not { } rejection) whole.Add(length);
            else Assert.True(rejection.Reason == (length == 0 ? RejectionReason.MissingText : RejectionReason.MalformedPayload), $"{length}: {rejection.Message}");
        }

        Assert.Equal([4, 13, 19, 28], whole); // where a field ends
        Assert.Equal(RejectionReason.MalformedPayload, (await run.RejectAsync(RegistryRun.Framed(7, []))).Reason); // not even message indexes
    }

    [Fact]
    public async Task Ten_million_items_of_other_kinds_are_read_or_rejected_in_one_pass()
    {
        using var run = Run(Everything);
        using var messages = RunOfMessages("""syntax = "proto3"; message M { string text = 1; repeated bool n = 3; map<bool, bool> m = 4; }""");
        byte[] begin = [4, .. "hi"u8, 0, 0, 0];
        byte[] end = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var keys = Repeated([2, 0, 0], 10_000_000); // a block of one entry, without key and value

        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, [.. begin, .. keys, .. end])));
        Assert.Equal("hi", await messages.TextAsync(RegistryRun.Framed(7, [0, 10, 2, .. "hi"u8, .. Repeated([24, 1], 10_000_000)])));
        Assert.Equal("hi", await messages.TextAsync(RegistryRun.Framed(7, [0, 10, 2, .. "hi"u8, .. Repeated([34, 0], 10_000_000)])));
    }

    [Fact]
    public async Task Texts_of_messages_that_are_not_utf8_are_rejected_and_other_strings_are_carried_as_they_are()
    {
        const string Schema = """syntax = "proto3"; message M { string text = 1; string other = 2; }""";
        using var run = RunOfMessages(Schema);
        using var json = RunOfMessages(Schema, OutputFormat.Json);
        byte[] value = RegistryRun.Framed(7, [0, 10, 2, .. "hi"u8, 18, 2, 0xC3, 0x28]);

        Assert.Equal(RejectionReason.InvalidUtf8, (await run.RejectAsync(RegistryRun.Framed(7, [0, 10, 2, 0xC3, 0x28]))).Reason);
        Assert.Equal(value[5..], (await run.AnswerAsync(value)).Payload![5..value.Length]);
        Assert.Equal("\uFFFD(", (string?)JsonNode.Parse((await json.AnswerAsync(value)).Payload!)!["other"]);
    }

    [Fact]
    public async Task A_value_as_deep_as_it_may_be_is_answered_in_json_or_rejected()
    {
        using var run = Run(Node, OutputFormat.Json);
        byte[] value = [.. Enumerable.Range(0, 490).SelectMany(_ => new byte[] { 2, 65, 2 }), 2, 65, 0];

        var answer = (await run.AnswerAsync(RegistryRun.Framed(7, value))).Payload!;

        Assert.NotNull(JsonNode.Parse(answer, null, new() { MaxDepth = 1000 })!["analysis"]);
    }

    [Fact]
    public async Task A_schema_of_a_megabyte_is_read_in_protobuf_too()
    {
        var schema = new StringBuilder("syntax = \"proto3\"; message M { string text = 1;");
        for (var i = 2; i < 14_000; i++) schema.Append(System.Globalization.CultureInfo.InvariantCulture, $" // a field of which there are very many more, as it were\n bool field{i} = {i};");
        schema.Append(" }");
        Assert.True(schema.Length > 1 << 20);
        using var run = RunOfMessages(schema.ToString());

        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, [0, 10, 2, .. "hi"u8])));
    }

    [Theory]
    [InlineData("message M {", "}")]
    [InlineData("message M { option (o) = ", " ; }")]
    [InlineData("message M { option (o) = { a ", " } ; }")]
    [InlineData("message M { option o = [", "] ; }")]
    [InlineData("message M { oneof x {", "} }")]
    [InlineData("message M { map<string, ", "> m = 1; }")]
    [InlineData("message M { group G = 1 {", "} }")]
    [InlineData("message M { option (", ") = 1; }")]
    public async Task A_proto_file_of_a_hundred_thousand_levels_is_refused(string open, string close)
    {
        var repeats = 100_000;
        using var run = RunOfMessages("syntax = \"proto2\"; " + string.Concat(Enumerable.Repeat(open, repeats)) + string.Concat(Enumerable.Repeat(close, repeats)));

        Assert.Equal("unknown_schema", (await run.RejectAsync(RegistryRun.Framed(7, [0]))).Reason.WireName());
    }

    [Fact]
    public async Task Damaged_packing_behind_a_frame_is_rejected()
    {
        var registry = new TableRegistry();
        registry.Add(Guid.Empty, Node);
        using var run = new RegistryRun(registry);

        Assert.Equal(RejectionReason.MalformedPayload, (await run.RejectAsync([3, 5, .. new byte[16], 1, 2, 3])).Reason);
    }

    [Fact]
    public async Task Messages_of_rejections_repeat_no_text()
    {
        using var run = Run(Node);
        var secret = Encoding.UTF8.GetBytes("Xanadu");

        await run.DecodeAsync(RegistryRun.Framed(7, [12, .. secret, 2, 12, .. secret, 9]));
        var rejection = run.DecodeNow(RegistryRun.Framed(7, [12, .. secret, 2, 12, .. secret, 9])).Rejection;

        Assert.NotNull(rejection);
        Assert.DoesNotContain("Xanadu", rejection.Message, StringComparison.Ordinal);
    }

    private static byte[] Repeated(byte[] bytes, int times)
    {
        var all = new byte[bytes.Length * times];
        for (var i = 0; i < all.Length; i++) all[i] = bytes[i % bytes.Length];
        return all;
    }

    private static RegistryRun RunOfMessages(string schema, OutputFormat output = OutputFormat.Same) => Run(schema, output, SchemaType.Protobuf);

    private static RegistryRun Run(string schema, OutputFormat output = OutputFormat.Same, SchemaType type = SchemaType.Avro)
    {
        var registry = new TableRegistry();
        registry.Add(7, schema, type);
        return new(registry, new() { MaxPayloadBytes = 64 << 20 }, output);
    }
}
