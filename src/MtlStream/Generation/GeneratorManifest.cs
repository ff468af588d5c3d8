using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using MtlStream.Models;

namespace MtlStream.Generation;

/// <summary>What a package that writes texts says about itself: the content of its <c>generator.json</c>, schema <c>generator-manifest.v1</c>.</summary>
public sealed record GeneratorManifest
{
    public const string FileName = "generator.json";
    public const string SchemaName = "generator-manifest.v1";

    /// <summary>Of the manifest and of golden outputs.</summary>
    internal static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Always <see cref="SchemaName"/>.</summary>
    public required string Schema { get; init; }

    public required string Name { get; init; }
    public required string Version { get; init; }

    /// <summary>
    /// As <c>model_type</c> of its <c>config.json</c>: <c>t5</c>, <c>mt5</c>, <c>bart</c> or <c>marian</c>; <c>mtlstream</c> for a decoder
    /// over the encoder of the model package in the same folder.
    /// </summary>
    public required string Architecture { get; init; }

    /// <summary>Whether results call its texts experimental.</summary>
    public bool Experimental { get; init; }

    public required GeneratorGraphs Graphs { get; init; }
    public required GeneratorTokens Tokenizer { get; init; }

    /// <summary>Most tokens of a source.</summary>
    public required int MaxSourceTokens { get; init; }

    public required GenerationRules Rules { get; init; }

    /// <summary>File of the expected outputs.</summary>
    public required string Golden { get; init; }

    /// <summary>What was measured of its texts; none where nothing was.</summary>
    public IReadOnlyList<GeneratorScore>? Scores { get; init; }

    /// <summary>SHA-256 in lower-case hex by file name.</summary>
    public required IReadOnlyDictionary<string, string> Checksums { get; init; }

    /// <summary>Absolute path of the package.</summary>
    [JsonIgnore]
    public string Folder { get; init; } = "";

    /// <summary>Whether a folder holds a package that writes texts, and nothing else.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Names of the texts that a model package writes beside its labels, each with a manifest of its own: <c>generator.NAME.json</c>.</summary>
    public static IReadOnlyList<string> NamesIn(string folder)
    {
        if (!Directory.Exists(folder)) return [];
        var files = Directory.EnumerateFiles(folder, PathOf("", "*")).Select(Path.GetFileName).OfType<string>();
        return [.. files.Select(NameOf).Order(StringComparer.Ordinal)];
    }

    /// <summary>Reads a package's manifest.</summary>
    /// <param name="name">What its texts are called: of the manifests of a model package the one of that name is read.</param>
    /// <exception cref="InvalidDataException">There is none, or it is not what it should be.</exception>
    public static GeneratorManifest Load(string folder, string name = "")
    {
        var full = Path.GetFullPath(folder);
        var path = IsIn(full) ? Path.Combine(full, FileName) : PathOf(full, name);
        if (!File.Exists(path)) throw Missing(full, name);
        try
        {
            var manifest = JsonSerializer.Deserialize<GeneratorManifest>(File.ReadAllBytes(path), Json);
            if (manifest?.Schema != SchemaName) throw new InvalidDataException($"{path}: schema: found \"{manifest?.Schema}\", expected \"{SchemaName}\".");
            var problems = manifest.Problems().ToList();
            return problems.Count == 0 ? manifest with { Folder = full } : throw PackageProblems.Of(path, problems);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Compares the package's files with their checksums.</summary>
    /// <returns>One sentence for each file that differs; empty when all agree.</returns>
    public IReadOnlyList<string> VerifyChecksums() => [.. Checksums.Select(c => ChecksumProblem(c.Key, c.Value)).OfType<string>()];

    /// <summary>SHA-256 of a file, in lower-case hex.</summary>
    public static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Writes it into its folder.</summary>
    /// <param name="name">What its texts are called, where a model package writes them.</param>
    internal void Save(string name = "") =>
        File.WriteAllBytes(name.Length == 0 ? Path.Combine(Folder, FileName) : PathOf(Folder, name), JsonSerializer.SerializeToUtf8Bytes(this, Json));

    private static string PathOf(string folder, string name) => Path.Combine(folder, $"generator.{name}.json");

    private static string NameOf(string file) => file["generator.".Length..^".json".Length];

    private static InvalidDataException Missing(string folder, string name)
    {
        var names = NamesIn(folder);
        return names.Count == 0
            ? new($"{folder}: found no {FileName}, expected a package that mtlstream model import wrote.")
            : new($"{folder}: found no texts {name}, expected one of {string.Join(", ", names)}.");
    }

    private string? ChecksumProblem(string name, string expected)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists(path)) return $"{name}: the file is missing.";
        var found = Sha256(path);
        return found == expected ? null : $"{name}: found sha256 {found}, expected {expected}: the file is truncated, corrupt or from another package.";
    }

    private IEnumerable<string> Problems()
    {
        if (MaxSourceTokens < 2) yield return $"maxSourceTokens: found {MaxSourceTokens}, expected 2 or more.";
        if (Rules.Ends.Count == 0) yield return "rules.ends: found none, expected the token that ends a text.";
        if (Rules.MaxTokens < 1) yield return $"rules.maxTokens: found {Rules.MaxTokens}, expected 1 or more.";
        if (Rules.Beams < 1) yield return $"rules.beams: found {Rules.Beams}, expected 1 or more.";
        var names = Tokenizer.Files.Values.Concat([Golden, Graphs.Encoder, Graphs.Decoder]).Concat(Checksums.Keys);
        foreach (var outside in names.Where(n => Path.GetFileName(n) != n).Distinct()) yield return $"{outside}: expected the name of a file of the package.";
    }
}

/// <summary>The graphs of a package, by file name.</summary>
/// <param name="Decoder">Of the first token; of all of them where it has the input <c>use_cache_branch</c>.</param>
/// <param name="DecoderWithPast">Of the others; null where there is only one.</param>
public sealed record GeneratorGraphs(string Encoder, string Decoder, string? DecoderWithPast = null);

/// <summary>How a package makes tokens of a text.</summary>
/// <param name="Kind"><c>sentencepiece</c> or <c>bpe</c>, as of a model package; <c>package</c>: as the model package in the same folder reads texts.</param>
/// <param name="Files">By role: <c>model</c>, and <c>ids</c> of Marian; or <c>vocab</c> and <c>merges</c>; or <c>pieces</c>, a <c>vocab.json</c> of byte-level pieces.</param>
/// <param name="Before">Tokens before those of the text.</param>
/// <param name="After">Tokens behind them.</param>
/// <param name="Unknown">Token of what is not known.</param>
/// <param name="Prefix">Words before each text, with a space between; empty for none.</param>
/// <param name="Silent">Tokens, by their spelling, that stand for no text.</param>
public sealed record GeneratorTokens(
    string Kind, IReadOnlyDictionary<string, string> Files, IReadOnlyList<int> Before, IReadOnlyList<int> After, int Unknown, string Prefix,
    IReadOnlyList<string> Silent);

/// <summary>A score of the texts, as they are served.</summary>
/// <param name="Metric">Such as <c>BLEU</c>, 0 to 100.</param>
/// <param name="Set">What they were about.</param>
/// <param name="Free">Of what costs nothing: the source as its translation, its first words as its title.</param>
/// <param name="Corpus">Short name of the set.</param>
public sealed record GeneratorScore(string Metric, double Value, string Set, double? Free = null, string? Corpus = null);
