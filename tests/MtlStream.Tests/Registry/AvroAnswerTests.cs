using System.Text;
using System.Text.Json;
using Avro.Generic;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Registry;

namespace MtlStream.Tests.Registry;

/// <summary>Answers in Avro: read by Apache's own library, with the schema that is registered and with the one that readers have.</summary>
public sealed class AvroAnswerTests
{
    private const string Review =
        """{"type":"record","name":"Review","namespace":"shop","doc":"As it was.","fields":[{"name":"id","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"text","type":"string"},{"name":"note","type":["null","string"],"default":null}]}""";

    private static readonly byte[] s_review = [14, 16, .. "good day"u8, 2, 4, .. "ok"u8];

    [Fact]
    public async Task An_answer_is_the_value_with_one_field_more_under_a_schema_with_one_field_more()
    {
        var registry = Registry(Review);
        using var run = new RegistryRun(registry);

        var answer = (await run.AnswerAsync(RegistryRun.Framed(7, s_review))).Payload!;

        var registered = Assert.Single(registry.Registered);
        Assert.Equal(RegistryRun.Framed(registered.Id, s_review), answer[..(5 + s_review.Length)]);
        var record = AvroValues.Read(registered.Schema.Text, registered.Schema.Text, answer, 5);
        Assert.Equal(("good day", "ok"), (record["text"], record["note"]));
        var analysis = (GenericRecord)record["analysis"];
        Assert.Equal("demo \"mini\"", ((GenericRecord)analysis["model"])["name"]);
        Assert.Equal(false, analysis["truncated"]);
        Assert.Null(analysis["fields"]);
        var tasks = (GenericRecord)analysis["tasks"];
        Assert.Equal(("positive", 0.9), (((GenericRecord)tasks["sentiment"])["label"], ((GenericRecord)tasks["sentiment"])["score"]));
        Assert.Null(((GenericRecord)tasks["intent"])["label"]);
        Assert.Equal("joy", ((GenericRecord)Assert.Single((object[])((GenericRecord)tasks["emotion"])["labels"]))["label"]);
        Assert.Equal(("Annä", 4), (Span(tasks)["text"], Span(tasks)["end"]));
        Assert.Empty((object[])((GenericRecord)tasks["pos"])["tags"]);
    }

    [Fact]
    public async Task Readers_of_the_old_schema_read_new_values_and_readers_of_the_new_one_old_values()
    {
        var registry = Registry(Review);
        using var run = new RegistryRun(registry);

        var answer = (await run.AnswerAsync(RegistryRun.Framed(7, s_review))).Payload!;
        var wide = Assert.Single(registry.Registered).Schema.Text;

        Assert.Equal("good day", AvroValues.Read(wide, Review, answer, 5)["text"]);
        Assert.Null(AvroValues.Read(Review, wide, s_review, 0)["analysis"]);
        using var document = JsonDocument.Parse(wide);
        Assert.Equal("As it was.", document.RootElement.GetProperty("doc").GetString());
        Assert.Equal("timestamp-millis", document.RootElement.GetProperty("fields")[0].GetProperty("type").GetProperty("logicalType").GetString());
    }

    [Fact]
    public async Task A_record_that_holds_its_like_gets_the_field_in_every_one()
    {
        const string Node = """{"type":"record","name":"Node","fields":[{"name":"text","type":"string"},{"name":"next","type":["null","Node"]}]}""";
        var registry = Registry(Node);
        using var run = new RegistryRun(registry);
        byte[] value = [2, (byte)'a', 2, 2, (byte)'b', 2, 2, (byte)'c', 0];

        var answer = (await run.AnswerAsync(RegistryRun.Framed(7, value))).Payload!;

        var wide = Assert.Single(registry.Registered).Schema.Text;
        var first = AvroValues.Read(wide, wide, answer, 5);
        var second = (GenericRecord)first["next"];
        Assert.NotNull(first["analysis"]);
        Assert.Null(second["analysis"]);
        Assert.Equal("c", ((GenericRecord)second["next"])["text"]);
        Assert.Equal("b", ((GenericRecord)AvroValues.Read(wide, Node, answer, 5)["next"])["text"]);
    }

    [Fact]
    public async Task Records_of_a_union_share_the_type_of_the_field()
    {
        const string Union = """[{"type":"record","name":"A","fields":[{"name":"text","type":"string"}]},"null",{"type":"record","name":"B","fields":[{"name":"a","type":"A"},{"name":"text","type":"string"}]}]""";
        var registry = Registry(Union);
        using var run = new RegistryRun(registry);

        var answer = (await run.AnswerAsync(RegistryRun.Framed(7, [4, 2, (byte)'a', 2, (byte)'b']))).Payload!;

        var wide = Assert.Single(registry.Registered).Schema.Text;
        var record = AvroValues.Read(wide, wide, answer, 5);
        Assert.Equal("b", record["text"]);
        Assert.NotNull(record["analysis"]);
        Assert.Null(((GenericRecord)record["a"])["analysis"]);
    }

    [Theory]
    [InlineData("""{"name":"a","type":"A"}""", """{"name":"n","type":"boolean"}""", new byte[] { 1 })]
    [InlineData("""{"name":"a","type":{"type":"array","items":"A"}}""", "", new byte[] { 4, 0 })]
    public async Task Records_of_a_union_get_the_field_inside_others_too_where_nothing_is_looked_for(string field, string inner, byte[] value)
    {
        var schema = $$"""[{"type":"record","name":"A","fields":[{{inner}}]},{"type":"record","name":"B","fields":[{{field}},{"name":"text","type":"string"}]}]""";
        var registry = Registry(schema);
        using var run = new RegistryRun(registry);

        var answer = (await run.AnswerAsync(RegistryRun.Framed(7, [2, .. value, 2, (byte)'b']))).Payload!;

        var wide = Assert.Single(registry.Registered).Schema.Text;
        var record = AvroValues.Read(wide, wide, answer, 5);
        Assert.Equal("b", record["text"]);
        Assert.NotNull(record["analysis"]);
        var all = record["a"] is object[] several ? several : [record["a"]];
        Assert.Equal(value.Length == 1 ? 1 : 2, all.Length);
        Assert.All(all, one => Assert.Null(((GenericRecord)one)["analysis"]));
    }

    [Fact]
    public async Task An_analysis_that_is_there_already_is_replaced()
    {
        var first = Registry(Review);
        using var once = new RegistryRun(first);
        var answered = (await once.AnswerAsync(RegistryRun.Framed(7, s_review))).Payload!;
        var second = Registry(Assert.Single(first.Registered).Schema.Text);
        using var twice = new RegistryRun(second);

        var again = (await twice.AnswerAsync(RegistryRun.Framed(7, answered.AsSpan(5)))).Payload!;

        Assert.Equal(answered[5..], again[5..]);
        Assert.Equal(Assert.Single(first.Registered).Schema.Text, Assert.Single(second.Registered).Schema.Text);
    }

    [Fact]
    public async Task An_answer_of_another_model_fits_the_schema_that_was_there_when_its_event_was_read()
    {
        var registry = Registry(Review);
        using var run = new RegistryRun(registry);
        var decoded = await run.DecodeAsync(RegistryRun.Framed(7, s_review));
        var another = new Shape.Fields([new("tasks", new Shape.Fields([new("new", Shape.Text), new("sentiment", Shape.Text)]))]);

        var answer = decoded.Event!.Envelope.Codec!.Answer(decoded.Event, new("""{"tasks":{"new":"x","sentiment":"y"}}"""u8, another));
        await run.DecodeAsync(RegistryRun.Framed(7, s_review));

        var wide = registry.Registered.First().Schema.Text;
        var tasks = (GenericRecord)((GenericRecord)AvroValues.Read(wide, wide, answer, 5)["analysis"])["tasks"];
        Assert.Null(((GenericRecord)tasks["sentiment"])["label"]);
        Assert.Null(tasks["pos"]);
        Assert.Equal(2, registry.Registered.Count()); // that of the new model is registered for those to come
    }

    [Theory]
    [InlineData(SubjectNames.Topic, "out-value")]
    [InlineData(SubjectNames.Record, "shop.Review")]
    [InlineData(SubjectNames.TopicRecord, "out-shop.Review")]
    public async Task Schemas_are_registered_under_the_subject_of_the_strategy(SubjectNames names, string subject)
    {
        var registry = Registry(Review);
        using var run = new RegistryRun(registry, options: new() { Url = "http://registry", AutoRegister = true, SubjectNames = names });

        await run.AnswerAsync(RegistryRun.Framed(7, s_review));

        Assert.NotNull(await registry.LatestAsync(subject, default));
    }

    [Fact]
    public async Task An_answer_names_its_schema_the_way_that_the_event_does()
    {
        var registry = Registry(Review);
        var guid = new Guid("c0ffee00-1111-2222-3333-444455556666");
        registry.Add(guid, Review);
        using var run = new RegistryRun(registry);
        var big = guid.ToByteArray(bigEndian: true);

        var inHeader = await run.AnswerAsync(s_review, new EventHeader("__value_schema_id", [1, .. big]), new EventHeader("kept", [1]));
        var inFront = await run.AnswerAsync([1, .. big, .. s_review]);
        var apicurio = await run.AnswerAsync(s_review, new EventHeader("apicurio.value.globalId", [0, 0, 0, 0, 0, 0, 0, 7]));
        var longId = await run.AnswerAsync([0, 0, 0, 0, 0, 0, 0, 0, 7, .. s_review]);

        var id = Assert.Single(registry.Registered).Id;
        byte[] registered = [1, .. StandInRegistry.GuidOf(id).ToByteArray(bigEndian: true)];
        Assert.Equal(["kept", "__value_schema_id"], inHeader.Headers.Select(h => h.Key));
        Assert.Equal(registered, inHeader.Headers[1].Value);
        Assert.Equal(s_review, inHeader.Payload![..s_review.Length]);
        Assert.Equal(registered, inFront.Payload![..17]);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, (byte)id], Assert.Single(apicurio.Headers).Value);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, (byte)id], longId.Payload![..9]);
    }

    [Fact]
    public async Task On_request_an_answer_is_json()
    {
        var registry = Registry(
            """{"type":"record","name":"R","fields":[{"name":"text","type":"string"},{"name":"n","type":["null","long"]},{"name":"f","type":"float"},{"name":"b","type":"bytes"},{"name":"m","type":{"type":"map","values":{"type":"array","items":"boolean"}}}]}""");
        using var run = new RegistryRun(registry, output: OutputFormat.Json);

        var answer = await run.AnswerAsync(RegistryRun.Framed(7, [4, .. "hi"u8, 2, 84, 0xCD, 0xCC, 0xCC, 0x3D, 4, 0x41, 0xFF, 2, 2, (byte)'k', 4, 1, 0, 0, 0]));

        Assert.Equal($$"""{"text":"hi","n":42,"f":0.1,"b":"Aÿ","m":{"k":[true,false]},"analysis":{{RegistryRun.Analysis}}}""", Encoding.UTF8.GetString(answer.Payload!));
        Assert.Equal("application/json", Encoding.UTF8.GetString(Assert.Single(answer.Headers).Value!));
        Assert.Empty(registry.Registered);
    }

    private static GenericRecord Span(GenericRecord tasks) => (GenericRecord)Assert.Single((object[])((GenericRecord)tasks["entities"])["spans"]);

    private static TableRegistry Registry(string schema)
    {
        var registry = new TableRegistry();
        registry.Add(7, schema);
        return registry;
    }
}
