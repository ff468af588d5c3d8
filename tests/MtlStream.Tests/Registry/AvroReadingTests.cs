using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Avro;
using Avro.Generic;
using MtlStream.Events;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>Texts out of Avro. Values are written by Apache's own library, which is the reference.</summary>
public sealed class AvroReadingTests
{
    private const string Review =
        """
        {"type":"record","name":"Review","namespace":"shop","fields":[
          {"name":"id","type":"long"},
          {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
          {"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},
          {"name":"hash","type":{"type":"fixed","name":"Hash","size":4}},
          {"name":"stars","type":{"type":"enum","name":"Stars","symbols":["ONE","TWO"]}},
          {"name":"rates","type":{"type":"array","items":"double"}},
          {"name":"flags","type":{"type":"map","values":"boolean"}},
          {"name":"ratio","type":"float"},
          {"name":"title","type":["null","string"],"default":null},
          {"name":"body","type":{"type":"record","name":"Body","fields":[
            {"name":"lang","type":"string"},{"name":"text","type":"string"},
            {"name":"parts","type":{"type":"array","items":["null","string",{"type":"map","values":"string"}]}}]}},
          {"name":"nothing","type":"null"}]}
        """;

    public static TheoryData<string, string> Places => new()
    {
        { "/body/text", "a good day ☀" },
        { "/title", "Fine" },
        { "/body/parts/1", "second" },
        { "/body/parts/2/de", "dritter" },
        { "/stars", "TWO" },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_pointer_leads_through_records_unions_arrays_and_maps(string place, string expected)
    {
        using var run = Run(Review, place);

        Assert.Equal(expected, await run.TextAsync(RegistryRun.Framed(7, Value())));
    }

    [Theory]
    [InlineData("/price", "missing_text", "is null")]
    [InlineData("/nothing", "missing_text", "is null")]
    [InlineData("/nowhere", "missing_text", "no value at /nowhere")]
    [InlineData("/body/parts/9", "missing_text", "no value at /body/parts/9")]
    [InlineData("/id", "wrong_type", "is long")]
    [InlineData("/body", "wrong_type", "record shop.Body")]
    [InlineData("/hash", "wrong_type", "fixed shop.Hash")]
    [InlineData("/rates", "wrong_type", "is array")]
    public async Task A_pointer_that_leads_to_no_text_rejects_the_event(string place, string reason, string message)
    {
        using var run = Run(Review, place);

        var rejection = await run.RejectAsync(RegistryRun.Framed(7, Value()));

        Assert.Equal(reason, rejection.Reason.WireName());
        Assert.Contains(message, rejection.Message, StringComparison.Ordinal);
        Assert.Contains("schema id 7", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_pointers_are_joined_or_the_first_that_leads_to_a_text_is_taken()
    {
        using var joined = Run(Review, new InputOptions { TextPointers = ["/title", "/price", "/body/text"], JoinTexts = true });
        using var first = Run(Review, new InputOptions { TextPointers = ["/price", "/body/text"] });

        Assert.Equal("Fine\n\na good day ☀", await joined.TextAsync(RegistryRun.Framed(7, Value())));
        Assert.Equal("a good day ☀", await first.TextAsync(RegistryRun.Framed(7, Value())));
    }

    [Fact]
    public async Task A_recursive_schema_is_read_as_deep_as_the_pointer_goes()
    {
        const string Node = """{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]},{"name":"text","type":"string"}]}""";
        var schema = (RecordSchema)Schema.Parse(Node);
        GenericRecord? node = null;
        foreach (var text in new[] { "third", "second", "first" }) node = AvroValues.Record(schema, ("next", node), ("text", text));
        using var run = Run(Node, "/next/next/text");

        Assert.Equal("third", await run.TextAsync(RegistryRun.Framed(7, AvroValues.Write(Node, node!))));
    }

    [Fact]
    public async Task A_value_may_be_a_text_by_itself_or_one_record_of_several()
    {
        const string Union = """[{"type":"record","name":"A","fields":[{"name":"n","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"text","type":"string"}]}]""";
        using var text = Run("\"string\"", "/text", OutputFormat.Json);
        using var union = Run(Union, "/text");
        var b = (RecordSchema)((UnionSchema)Schema.Parse(Union)).Schemas[1];

        Assert.Equal("hello", await text.TextAsync(RegistryRun.Framed(7, AvroValues.Write("\"string\"", "hello"))));
        Assert.Equal("hello", await union.TextAsync(RegistryRun.Framed(7, AvroValues.Write(Union, AvroValues.Record(b, ("text", "hello"))))));
    }

    [Fact]
    public async Task Types_may_be_in_schemas_that_a_schema_refers_to()
    {
        var registry = new TableRegistry();
        registry.Add(
            7, """{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"note","type":"common.Note"},{"name":"again","type":["null","common.Note"]}]}""",
            SchemaType.Avro, new SchemaReferenceText("common.Note", """{"type":"record","name":"Note","namespace":"common","fields":[{"name":"text","type":"string"}]}""", "note", 1));
        using var run = new RegistryRun(registry, new() { TextPointer = "/note/text" });

        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, [4, .. "hi"u8, 0])));
        var answer = Assert.Single(registry.Registered).Schema;
        Assert.Empty(answer.References);
        Assert.Equal("Order", Schema.Parse(answer.Text).Name); // by itself
    }

    [Fact]
    public async Task Every_way_to_name_a_schema_leads_to_it()
    {
        var guid = new Guid("c0ffee00-1111-2222-3333-444455556666");
        var registry = new TableRegistry();
        const string Schema = """{"type":"record","name":"R","fields":[{"name":"text","type":"string"}]}""";
        registry.Add(7, Schema);
        registry.Add(guid, Schema);
        using var run = new RegistryRun(registry);
        byte[] value = [4, .. "hi"u8];
        var big = guid.ToByteArray(bigEndian: true);
        byte[] number = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, 7);

        Assert.Equal("hi", await run.TextAsync([0, 0, 0, 0, 7, .. value]));
        Assert.Equal("hi", await run.TextAsync([0, .. number, .. value]));
        Assert.Equal("hi", await run.TextAsync([1, .. big, .. value]));
        Assert.Equal("hi", await run.TextAsync(value, new EventHeader("__value_schema_id", [1, .. big])));
        Assert.Equal("hi", await run.TextAsync(value, new EventHeader("__value_schema_id", [0, 0, 0, 0, 7])));
        Assert.Equal("hi", await run.TextAsync(value, new EventHeader("apicurio.value.globalId", number)));
        Assert.Equal("hi", await run.TextAsync(value, new EventHeader("apicurio.value.contentId", number)));
        Assert.Equal("hi", await run.TextAsync([3, 0, .. big, .. value]));
        Assert.Equal("hi", await run.TextAsync([3, 5, .. big, .. Deflated(value)]));
        Assert.Equal(2, registry.Asked.Count);
    }

    [Fact]
    public async Task What_names_no_schema_is_read_without_a_registry()
    {
        var registry = new TableRegistry();
        registry.Add(7, """{"type":"object"}""", SchemaType.Json);
        using var run = new RegistryRun(registry);

        Assert.Equal("hi", await run.TextAsync("""{"text":"hi"}"""u8.ToArray()));
        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(7, """{"text":"hi"}"""u8)));
        Assert.Equal(RejectionReason.UnsupportedEncoding, (await run.RejectAsync(Encoding.BigEndianUnicode.GetBytes("""{"text":"hi"}"""))).Reason);
    }

    private static byte[] Deflated(byte[] bytes)
    {
        var stream = new MemoryStream();
        using (var zlib = new ZLibStream(stream, CompressionLevel.Fastest)) zlib.Write(bytes);
        return stream.ToArray();
    }

    private static byte[] Value()
    {
        var schema = (RecordSchema)Schema.Parse(Review);
        var body = (RecordSchema)schema["body"].Schema;
        return AvroValues.Write(Review, AvroValues.Record(
            schema, ("id", -5L), ("at", DateTime.UnixEpoch.AddDays(9)), ("price", null), ("hash", new GenericFixed((FixedSchema)schema["hash"].Schema, [1, 2, 3, 4])),
            ("stars", new GenericEnum((EnumSchema)schema["stars"].Schema, "TWO")), ("rates", new object[] { 1.5, 2.5 }),
            ("flags", new Dictionary<string, object> { ["new"] = true, ["old"] = false }), ("ratio", 0.5f), ("title", "Fine"),
            ("body", AvroValues.Record(
                body, ("lang", "en"), ("text", "a good day ☀"),
                ("parts", new object?[] { null, "second", new Dictionary<string, object> { ["en"] = "third", ["de"] = "dritter" } }))),
            ("nothing", null)));
    }

    private static RegistryRun Run(string schema, string pointer, OutputFormat output = OutputFormat.Same) => Run(schema, new InputOptions { TextPointer = pointer }, output);

    private static RegistryRun Run(string schema, InputOptions input, OutputFormat output = OutputFormat.Same)
    {
        var registry = new TableRegistry();
        registry.Add(7, schema);
        return new(registry, input, output);
    }
}
