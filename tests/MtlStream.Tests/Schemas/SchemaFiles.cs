using System.Text.Json.Nodes;
using System.Text.Json;

namespace MtlStream.Tests.Schemas;

/// <summary>The schemas and their examples as the repository holds them.</summary>
internal static class SchemaFiles
{
    public static readonly string[] Names = ["text-event.v1", "enriched-event.v1", "dead-letter.v1", "model-manifest.v1", "model-golden.v1"];

    public static string Folder { get; } = Find();

    public static JsonSchema Load(string name) => new(Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json"))));

    /// <summary>As <see cref="Load"/>, without members that the schema does not name: what this version of the program writes. What is published leaves room for later ones.</summary>
    public static JsonSchema Strict(string name)
    {
        var schema = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json")))!.AsObject();
        Close(schema);
        if (name == "enriched-event.v1") schema.Remove("additionalProperties"); // beside "analysis" is the event's own
        return new(JsonSerializer.SerializeToElement(schema));
    }

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
        JsonDocument.Parse(json, new() { MaxDepth = 1000 }).RootElement;

    private static string Find()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (Directory.Exists(Path.Combine(at.FullName, "schemas", "examples"))) return Path.Combine(at.FullName, "schemas");
        throw new DirectoryNotFoundException($"Found no folder schemas/examples in {AppContext.BaseDirectory} or above.");
    }
}
