using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using MtlStream.Events;
using MtlStream.Learning.Review;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Tests.Events;

namespace MtlStream.Tests.Schemas;

/// <summary>Every example, against its schema and against the code that reads or writes such values.</summary>
public sealed class ContractTests
{
    public static TheoryData<string> Valid(string name) => [.. SchemaFiles.Examples(name, "valid")];

    public static TheoryData<string> Invalid(string name) => [.. SchemaFiles.Examples(name, "invalid")];

    public static TheoryData<string> AllValid => [.. SchemaFiles.Names.SelectMany(n => SchemaFiles.Examples(n, "valid"))];

    public static TheoryData<string> AllInvalid => [.. SchemaFiles.Names.SelectMany(n => SchemaFiles.Examples(n, "invalid"))];

    [Fact]
    public void Every_schema_has_examples_of_both_kinds_and_nothing_else_is_there()
    {
        Assert.Equal(SchemaFiles.Names.Select(n => n + ".json").Order(), Directory.EnumerateFiles(SchemaFiles.Folder).Select(Path.GetFileName).Order());
        Assert.Equal(SchemaFiles.Names.Order(), Directory.EnumerateDirectories(Path.Combine(SchemaFiles.Folder, "examples")).Select(Path.GetFileName).Order());
        foreach (var name in SchemaFiles.Names)
        {
            Assert.InRange(SchemaFiles.Examples(name, "valid").Count(), 3, int.MaxValue);
            Assert.InRange(SchemaFiles.Examples(name, "invalid").Count(), 3, int.MaxValue);
        }
    }

    [Theory]
    [MemberData(nameof(Valid), "review-answer.v1")]
    public void A_valid_answer_is_read_and_written_as_it_was(string example)
    {
        var written = ReviewAnswer.Parse(SchemaFiles.Read(example)).ToJson();

        Assert.Empty(SchemaFiles.Strict("review-answer.v1").Problems(SchemaFiles.Parse(Encoding.UTF8.GetBytes(written))));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(SchemaFiles.Read(example)), JsonNode.Parse(written)));
    }

    [Theory]
    [MemberData(nameof(Invalid), "review-answer.v1")]
    public void An_invalid_answer_is_none(string example) => Assert.Throws<FormatException>(() => ReviewAnswer.Parse(SchemaFiles.Read(example)));

    public static TheoryData<string> AllSchemas => [.. SchemaFiles.Names];

    [Theory]
    [MemberData(nameof(AllSchemas))]
    public void A_schema_has_no_keyword_that_the_specification_lacks(string name)
    {
        var schema = JsonNode.Parse(File.ReadAllText(Path.Combine(SchemaFiles.Folder, $"{name}.json")))!.AsObject();
        Assert.Equal("https://json-schema.org/draft/2020-12/schema", (string?)schema["$schema"]);
        schema.Remove("$schema");

        // 2020-12 allows unknown keywords, a misspelt one would say nothing; the later meta-schema has the same keywords and refuses others.
        Assert.Empty(MetaSchemas.V1_2026.Problems(JsonSerializer.SerializeToElement(schema)));
        (schema["properties"] ?? schema["$defs"])!.AsObject().First().Value!.AsObject()["minimun"] = 1;
        Assert.NotEmpty(MetaSchemas.V1_2026.Problems(JsonSerializer.SerializeToElement(schema)));
    }

    [Theory]
    [MemberData(nameof(AllValid))]
    public void A_valid_example_is_accepted_by_its_schema(string example) =>
        Assert.Empty(Schema(example).Problems(SchemaFiles.Parse(SchemaFiles.Read(example))));

    [Theory]
    [MemberData(nameof(AllInvalid))]
    public void An_invalid_example_is_rejected_by_its_schema(string example) =>
        Assert.NotEmpty(Schema(example).Problems(SchemaFiles.Parse(SchemaFiles.Read(example))));

    [Theory]
    [InlineData("enriched-event.v1")]
    [InlineData("dead-letter.v1")]
    public void A_reader_who_validates_accepts_what_later_versions_add_and_this_one_adds_nothing(string name)
    {
        var later = SchemaFiles.Parse(SchemaFiles.Read($"{name}/valid/a-member-of-a-later-version.json"));

        Assert.Empty(SchemaFiles.Load(name).Problems(later));
        Assert.NotEmpty(SchemaFiles.Strict(name).Problems(later));
        Assert.DoesNotContain("\"additionalProperties\": false", File.ReadAllText(Path.Combine(SchemaFiles.Folder, $"{name}.json")), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Valid), "text-event.v1")]
    public void A_valid_text_event_is_decoded_and_what_becomes_of_it_is_valid(string example)
    {
        var decoded = new EventDecoder(new()).Decode(Codec.Record(SchemaFiles.Read(example)));

        var output = SchemaFiles.Parse(Codec.EncodeAll(decoded).Payload!);

        var schema = SchemaFiles.Strict("enriched-event.v1");
        var events = output.ValueKind == JsonValueKind.Array ? output.EnumerateArray().ToList() : [output];
        Assert.All(events, e => Assert.Empty(schema.Problems(e)));
    }

    [Theory]
    [MemberData(nameof(Invalid), "text-event.v1")]
    public void An_invalid_text_event_is_rejected_and_its_dead_letter_is_valid(string example)
    {
        var rejection = Codec.Reject(SchemaFiles.Read(example));

        var schema = SchemaFiles.Strict("dead-letter.v1");
        Assert.Empty(schema.Problems(SchemaFiles.Parse(DeadLetter.Of(rejection).ToJson())));
        Assert.Empty(schema.Problems(SchemaFiles.Parse(DeadLetter.Of(rejection).ToJson(rejected: 0))));
        Assert.Empty(schema.Problems(SchemaFiles.Parse((DeadLetter.Of(EventEncoder.EncodeDeadLetter(rejection)) with { Line = 1 }).ToJson())));
    }

    [Theory]
    [MemberData(nameof(Valid), "enriched-event.v1")]
    public void An_enriched_event_can_be_analysed_again(string example)
    {
        var original = SchemaFiles.Parse(SchemaFiles.Read(example));
        InputOptions options = original.TryGetProperty("subject", out _) ? new() { TextPointers = ["/subject", "/body"], JoinTexts = true }
            : new() { TextPointer = original.TryGetProperty("text", out _) ? "/text" : "/message/body" };

        var output = SchemaFiles.Parse(Codec.EncodeAll(new EventDecoder(options).Decode(Codec.Record(SchemaFiles.Read(example)))).Payload!);

        Assert.Empty(SchemaFiles.Strict("enriched-event.v1").Problems(output));
        Assert.Equal(original.EnumerateObject().Select(p => p.Name).Order(), output.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(Codec.Model.Version, output.GetProperty("analysis").GetProperty("model").GetProperty("version").GetString());
    }

    [Fact]
    public void Every_reason_is_in_the_schema_and_no_other()
    {
        var schema = SchemaFiles.Parse(File.ReadAllBytes(Path.Combine(SchemaFiles.Folder, "dead-letter.v1.json")));
        var reasons = schema.GetProperty("properties").GetProperty("reason").GetProperty("enum").EnumerateArray().Select(r => r.GetString());

        Assert.Equal(RejectionReasons.WireNames, reasons);
    }

    [Theory]
    [MemberData(nameof(Valid), "model-manifest.v1")]
    public void A_valid_manifest_is_read(string example) => Assert.NotEmpty(Read(example).Tasks);

    [Theory]
    [MemberData(nameof(Invalid), "model-manifest.v1")]
    public void An_invalid_manifest_is_refused(string example) => Assert.Throws<InvalidDataException>(() => Read(example));

    [Theory]
    [MemberData(nameof(Valid), "model-golden.v1")]
    public void Valid_golden_outputs_are_read(string example) => Assert.NotNull(GoldenOutputs.Load(Path.Combine(SchemaFiles.Folder, "examples", example)));

    [Theory]
    [MemberData(nameof(Invalid), "model-golden.v1")]
    public void Invalid_golden_outputs_are_refused(string example) =>
        Assert.Throws<InvalidDataException>(() => GoldenOutputs.Load(Path.Combine(SchemaFiles.Folder, "examples", example)));

    [Theory]
    [InlineData("model-manifest.v1", ModelManifest.FileName)]
    [InlineData("model-golden.v1", "golden.json")]
    public void The_shipped_package_is_valid(string schema, string name)
    {
        var file = Path.Combine(SchemaFiles.Folder, "..", "models", ModelManifest.ShippedName, name);
        // The package is made by training and may not be there yet; where it is, it has to fit.
        if (File.Exists(file)) Assert.Empty(SchemaFiles.Load(schema).Problems(SchemaFiles.Parse(File.ReadAllBytes(file))));
    }

    // The files that a manifest names have to be there, so that nothing but the manifest can be wrong.
    private static ModelManifest Read(string example)
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-manifest-");
        try
        {
            File.WriteAllBytes(Path.Combine(folder.FullName, ModelManifest.FileName), SchemaFiles.Read(example));
            foreach (var name in (string[])["vocab.txt", "tokenizer.json", "model.cpu.onnx", "model.cuda.onnx", "model.tpu.onnx", "m.onnx", "golden.json"])
                File.WriteAllText(Path.Combine(folder.FullName, name), "");
            var manifest = ModelManifest.Load(folder.FullName);
            ReferenceDistribution.Read(manifest.Reference, [.. manifest.Tasks.Select(t => t.Task)]);
            return manifest;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static JsonSchema Schema(string example) => SchemaFiles.Load(example.Split('/', '\\')[0]);
}
