using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Events;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>
/// Python's reference implementations of Avro and Protobuf write events, and read the answers with the schema that they had and
/// with the one that is registered.
/// </summary>
public sealed class PythonInteropTests
{
    [PythonSchemasFact]
    public async Task Answers_in_json_are_what_Pythons_mapping_of_Protobuf_has()
    {
        var compared = 0;
        foreach (var line in (await PythonSchemas.RunAsync(Repository.Root, "write", "")).Where(l => l.GetProperty("kind").GetString() == "Protobuf"))
        {
            var registry = new TableRegistry();
            registry.Add(7, line.GetProperty("schema").GetString()!, SchemaType.Protobuf);
            using var run = new RegistryRun(registry, new() { TextPointer = "/body/text" }, OutputFormat.Json);

            var answer = JsonNode.Parse((await run.AnswerAsync(RegistryRun.Framed(7, line.GetProperty("value").GetBytesFromBase64()))).Payload!)!.AsObject();

            Assert.True(answer.Remove("analysis"));
            var expected = JsonNode.Parse(line.GetProperty("json").GetRawText());
            Assert.True(JsonNode.DeepEquals(expected, answer), $"{expected}\n{answer}");
            compared++;
        }
        Assert.Equal(2, compared);
    }

    [PythonSchemasFact]
    public async Task Python_writes_what_is_read_and_reads_what_is_written()
    {
        var events = await PythonSchemas.RunAsync(Repository.Root, "write", "");
        var lines = new List<string>();
        foreach (var line in events)
        {
            var type = line.GetProperty("kind").GetString() == "Avro" ? SchemaType.Avro : SchemaType.Protobuf;
            var value = line.GetProperty("value").GetBytesFromBase64();
            var registry = new TableRegistry();
            registry.Add(7, line.GetProperty("schema").GetString()!, type);
            using var run = new RegistryRun(registry, new() { TextPointer = "/body/text" });

            Assert.Equal("Grüße aus Köln ☀", await run.TextAsync(RegistryRun.Framed(7, value)));
            var answer = (await run.AnswerAsync(RegistryRun.Framed(7, value))).Payload!;

            lines.Add(JsonSerializer.Serialize(new
            {
                kind = $"{type}",
                schema = line.GetProperty("schema").GetString(),
                name = line.GetProperty("name").GetString(),
                answers = Assert.Single(registry.Registered).Schema.Text,
                @event = Convert.ToBase64String(value),
                value = Convert.ToBase64String(answer.AsSpan(5)),
            }));
        }

        var read = await PythonSchemas.RunAsync(Repository.Root, "read", string.Join('\n', lines));

        Assert.Equal(4, read.Count);
        Assert.All(read, answer =>
        {
            Assert.Equal("Grüße aus Köln ☀", answer.GetProperty("text").GetString());
            Assert.Equal("Grüße aus Köln ☀", answer.GetProperty("old").GetString());
            Assert.Equal("positive", answer.GetProperty("label").GetString());
            Assert.Equal(JsonValueKind.Null, answer.GetProperty("inner").ValueKind);
            Assert.Equal("""[[0, 4, "Annä"]]""", answer.GetProperty("spans").GetRawText());
            Assert.Equal(JsonValueKind.Null, answer.GetProperty("intent").ValueKind);
        });
    }
}

/// <summary>Marks a test that needs Debian's python3-avro and python3-protobuf; skipped, with that reason, where they are not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonSchemasFactAttribute : FactAttribute
{
    public override string? Skip { get; set; } = PythonSchemas.WhyNone();
}
