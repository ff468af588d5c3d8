using System.Text;
using System.Text.Json;
using MtlStream.Events;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>Kafka Connect's envelope, and that its own converter takes what comes out.</summary>
public sealed class ConnectEnvelopeTests
{
    private const string Field = """{"type":"string","optional":true,"field":"text"}""";
    private const string Struct = """{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},""" + Field + """],"optional":false}""";

    [Theory]
    [InlineData("/text")]
    [InlineData("/payload/text")]
    public void The_analysis_goes_into_the_payload_and_the_schema_declares_it(string path)
    {
        var output = Answer($$$"""{"schema":{{{Struct}}},"payload":{"id":7,"text":"a good day"}}""", path);

        var (text, declared) = WithoutField(Around(output));
        Assert.Equal($$$"""{"schema":{{{Struct}}},"payload":{"id":7,"text":"a good day",@}}""", text);
        Assert.Equal(("struct", true), (declared.GetProperty("type").GetString(), declared.GetProperty("optional").GetBoolean()));
        var payload = JsonConverter.ToConnectData(output);
        Assert.Equal(["id", "text", "analysis"], payload.Keys);
        var analysis = (Dictionary<string, object?>)payload["analysis"]!;
        Assert.Equal(["schema", "model", "offsets", "truncated", "tasks", "fields"], analysis.Keys);
        var tasks = (Dictionary<string, object?>)analysis["tasks"]!;
        Assert.Equal(Codec.Tasks.Select(t => t.Name), tasks.Keys);
        Assert.Null(((Dictionary<string, object?>)tasks["intent"]!)["label"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Everything_that_an_analysis_may_hold_survives_the_converter(bool allScores)
    {
        InputOptions options = new() { TextPointers = ["/subject", "/text"], JoinTexts = true };
        var fields = Struct.Replace(Field, Field + "," + Field.Replace("\"text\"", "\"subject\"", StringComparison.Ordinal), StringComparison.Ordinal);
        var payload = $$$"""{"schema":{{{fields}}},"payload":{"id":7,"subject":"Angela Merkel","text":"was in Paris"}}""";

        var output = Encode(Decode(options, payload), allScores, truncated: true, entities: [1, 2, 0, 0, 3]).Payload!;

        using var json = JsonDocument.Parse(output);
        var written = json.RootElement.GetProperty("payload").GetProperty("analysis");
        var read = JsonConverter.ToConnectData(output)["analysis"];
        Assert.Equal(Plain(written), JsonSerializer.Serialize(read));
    }

    [Theory]
    [InlineData("""{"payload":{"text":"x"},"schema":null}""", """{"payload":{"text":"x",@},"schema":null}""")]
    [InlineData("""{"schema":null,"payload":"a good day"}""", """{"schema":null,"payload":{"text":"a good day",@}}""")]
    [InlineData("""{"schema":{"type":"string","optional":false},"payload":"{\"text\":\"x\"}"}""", """{"schema":null,"payload":{"text":"x",@}}""")]
    public void A_payload_without_a_schema_needs_none(string payload, string around)
    {
        var output = Answer(payload);

        Assert.Equal(around, Around(output));
        Assert.Contains("analysis", JsonConverter.ToConnectData(output).Keys);
    }

    [Fact]
    public void A_text_by_itself_becomes_a_struct_of_which_it_is_a_field()
    {
        var output = Answer("""{"schema":{"type":"string","optional":false},"payload":"a \"good\" day"}""");

        var (text, _) = WithoutField(Around(output));
        Assert.Equal(
            """{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"text"}],"optional":false},"payload":{"text":"a \"good\" day",@}}""",
            text);
        Assert.Equal("a \"good\" day", JsonConverter.ToConnectData(output)["text"]);
    }

    [Fact]
    public void What_was_analysed_before_is_analysed_again_in_its_place()
    {
        var once = Answer($$"""{"payload":{"analysis":0,"text":"x","analysis":1,"id":7},"schema":{{Struct}} }""");
        var twice = Encode(Decode(once)).Payload!;

        Assert.Equal(Encoding.UTF8.GetString(once), Encoding.UTF8.GetString(twice));
        Assert.StartsWith("""{"payload":{"text":"x","id":7,@},"schema":{""", Around(once), StringComparison.Ordinal);
        Assert.Equal(["id", "text", "analysis"], JsonConverter.ToConnectData(twice).Keys);
    }

    [Theory]
    [InlineData("""{"schema":{"fields":[{"field":"analysis","type":"string"} , {"type":"string","optional":true,"field":"text"}],"type":"struct"},"payload":{"text":"x"}}""")]
    [InlineData("""{"schema":{"fields":[{"type":"string","optional":true,"field":"text"} , {"field":"analysis","type":"string"}],"type":"struct"},"payload":{"text":"x"}}""")]
    [InlineData("""{"schema":{"type":"struct","name":"v","fields":[ ]},"payload":{"text":"x"}}""")]
    public void A_field_of_that_name_is_declared_once(string payload)
    {
        var data = JsonConverter.ToConnectData(Answer(payload));

        Assert.Single(data.Keys, "analysis");
        Assert.IsType<Dictionary<string, object?>>(data["analysis"]);
    }

    [Fact]
    public void A_change_of_Debezium_gets_its_analysis_beside_what_changed()
    {
        const string Row = """{"type":"struct","fields":[{"type":"string","optional":true,"field":"text"}],"optional":true,"field":"after"}""";
        const string Change = """{"schema":{"type":"struct","fields":[""" + Row + """],"optional":false,"name":"shop.Envelope"},"payload":{"after":{"text":"x"}}}""";

        var output = Answer(Change, "/after/text");

        Assert.EndsWith(""","payload":{"after":{"text":"x"},@}}""", Around(output), StringComparison.Ordinal);
        Assert.Equal(["after", "analysis"], JsonConverter.ToConnectData(output).Keys);
    }

    [Theory]
    [InlineData("""{"schema":@S,"payload":null}""", RejectionReason.MissingText, "payload is null (byte")]
    [InlineData("""{"schema":@S,"payload":{"id":7,"text":null}}""", RejectionReason.MissingText, "The text at /text is null (byte")]
    [InlineData("""{"schema":@S,"payload":{"id":7,"text":5}}""", RejectionReason.WrongType, "The text at /text is a number (byte")]
    [InlineData("""{"schema":{"type":"map","keys":{"type":"string"},"values":{"type":"string"}},"payload":{"text":"x"}}""", RejectionReason.WrongType, "its schema map")]
    [InlineData("""{"schema":{"type":"array","items":{"type":"string"}},"payload":["x"]}""", RejectionReason.WrongType, "payload is an array")]
    public void An_envelope_that_cannot_be_used_says_why(string payload, RejectionReason reason, string said)
    {
        var rejection = Reject(payload.Replace("@S", Struct, StringComparison.Ordinal));

        Assert.Equal(reason, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"schema":"v1","payload":{"text":"x"}}""", "/payload/text")]
    [InlineData("""{"schema":{"version":1},"payload":{"text":"x"}}""", "/payload/text")]
    [InlineData("""{"schema":null,"payload":{"text":"x"},"text":"y"}""", "/text")]
    public void Other_objects_with_such_members_are_plain_JSON(string payload, string path) =>
        Assert.Equal(payload[..^1] + ",@}", Around(Answer(payload, path)));

    [Fact]
    public void In_the_format_Json_an_envelope_is_an_object_like_any_other() =>
        Assert.Equal(
            """{"schema":null,"payload":{"text":"x"},@}""",
            Around(EncodeText("""{"schema":null,"payload":{"text":"x"}}""", InputFormat.Json, "/payload/text")));

    private static byte[] Answer(string payload, string path = "/text") => Encode(Decode(payload, pointer: path)).Payload!;

    /// <summary>Takes the field that declares the analysis out of the schema.</summary>
    private static (string Text, JsonElement Field) WithoutField(string around)
    {
        var start = around.IndexOf(""",{"type":"struct","fields":[{"type":"string","optional":false,"field":"schema"}""", StringComparison.Ordinal);
        Assert.True(start >= 0, around);
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(around[(start + 1)..]), isFinalBlock: false, default);
        var field = JsonElement.ParseValue(ref reader);
        Assert.Equal("analysis", field.GetProperty("field").GetString());
        return (around[..start] + around[(start + 1 + (int)reader.BytesConsumed)..], field);
    }

    // What is optional and missing, Connect has as null.
    private static string Plain(JsonElement analysis) => JsonSerializer.Serialize(Plain(analysis, 0));

    private static object? Plain(JsonElement value, int depth) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().ToDictionary(m => m.Name, m => Plain(m.Value, depth + 1)),
        JsonValueKind.Array => value.EnumerateArray().Select(e => Plain(e, depth + 1)).ToList(),
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText().Contains('.', StringComparison.Ordinal) ? value.GetDouble() : value.GetInt32(),
        JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
        _ => null,
    };
}
