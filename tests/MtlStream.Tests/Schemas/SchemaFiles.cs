using System.Text.Json;

namespace MtlStream.Tests.Schemas;

/// <summary>The schemas and their examples as the repository holds them.</summary>
internal static class SchemaFiles
{
    public static readonly string[] Names = ["text-event.v1", "enriched-event.v1", "dead-letter.v1", "model-manifest.v1"];

    public static string Folder { get; } = Find();

    public static JsonSchema Load(string name) => new(Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json"))));

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
