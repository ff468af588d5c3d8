using System.Text.Json.Nodes;
using System.Text.Json;
using Json.Schema;

namespace MtlStream.Tests.Schemas;

/// <summary>The schemas and their examples as the repository holds them.</summary>
internal static class SchemaFiles
{
    public static readonly string[] Names = ["text-event.v1", "enriched-event.v1", "dead-letter.v1", "model-manifest.v1", "model-golden.v1", "review-answer.v1", "promotion.v1", "generator-manifest.v1"];

    private const int MaxDepth = 1000;

    public static string Folder { get; } = Find();

    public static JsonSchema Load(string name) => Build(Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json"))));

    /// <summary>As <see cref="Load"/>, without members that the schema does not name: what this version of the program writes. What is published leaves room for later ones.</summary>
    public static JsonSchema Strict(string name)
    {
        var schema = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json")))!.AsObject();
        Close(schema);
        if (name == "enriched-event.v1") schema.Remove("additionalProperties"); // beside "analysis" is the event's own
        return Build(JsonSerializer.SerializeToElement(schema));
    }

    /// <summary>What is wrong with a value, each problem with its place; empty when it is valid.</summary>
    public static IReadOnlyList<string> Problems(this JsonSchema schema, JsonElement value)
    {
        var results = schema.Evaluate(Readable(value), new() { OutputFormat = OutputFormat.List });
        if (results.IsValid) return [];
        var problems = from result in results.Details ?? []
                       from error in result.Errors ?? new Dictionary<string, string>()
                       select $"{result.InstanceLocation}: {error.Value}";
        return [.. problems, "The value is not valid."]; // some keywords refuse a value and do not say so
    }

    /// <summary>
    /// The value without what the library cannot read although it is valid JSON: of members with the same name the last one stays, as in the
    /// events, and a string with an unpaired surrogate becomes its raw form, which does for length and pattern.
    /// </summary>
    private static JsonElement Readable(JsonElement value)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new() { MaxDepth = MaxDepth })) Write(value, writer);
        return Parse(bytes.ToArray());
    }

    private static void Write(JsonElement value, Utf8JsonWriter writer)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var members in value.EnumerateObject().GroupBy(m => m.Name))
                {
                    writer.WritePropertyName(members.Key);
                    Write(members.Last().Value, writer);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray()) Write(item, writer);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(Text(value));
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    private static string Text(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return value.GetRawText()[1..^1];
        }
    }

    // A registry of its own: the published form and the strict one have the same id.
    private static JsonSchema Build(JsonElement schema) => JsonSchema.Build(schema, new() { SchemaRegistry = new() });

    private static void Close(JsonNode? node)
    {
        if (node is JsonArray array) foreach (var item in array) Close(item);
        if (node is not JsonObject schema) return;
        foreach (var member in schema.ToList()) Close(member.Value);
        var isObject = schema["type"] is JsonValue type && type.TryGetValue(out string? name) && name == "object";
        if (isObject && schema.ContainsKey("properties") && !schema.ContainsKey("additionalProperties")) schema["additionalProperties"] = false;
    }

    /// <summary>Paths below the folder of examples, in order.</summary>
    public static IEnumerable<string> Examples(string name, string kind) =>
        Directory.EnumerateFiles(Path.Combine(Folder, "examples", name, kind), "*.json")
            .Select(p => Path.GetRelativePath(Path.Combine(Folder, "examples"), p)).Order(StringComparer.Ordinal);

    public static byte[] Read(string example) => File.ReadAllBytes(Path.Combine(Folder, "examples", example));

    public static JsonElement Parse(byte[] json) =>
        JsonDocument.Parse(json, new() { MaxDepth = MaxDepth }).RootElement;

    private static string Find()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (Directory.Exists(Path.Combine(at.FullName, "schemas", "examples"))) return Path.Combine(at.FullName, "schemas");
        throw new DirectoryNotFoundException($"Found no folder schemas/examples in {AppContext.BaseDirectory} or above.");
    }
}
