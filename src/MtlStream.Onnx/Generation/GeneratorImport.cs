using MtlStream.Generation;
using MtlStream.Models;

namespace MtlStream.Onnx.Generation;

/// <summary>What was imported.</summary>
/// <param name="Notes">Sentences about what is worth knowing.</param>
public sealed record ImportReport(GeneratorManifest Manifest, IReadOnlyList<string> Notes);

/// <summary>Makes a package of a folder as Optimum exports it, and tries it.</summary>
public static class GeneratorImport
{
    private const int LongestComparison = 48; // tokens: without a cache their cost grows with the square

    private static readonly string[] s_texts =
    [
        "The weather is nice today.", "a", "Two young men are playing football in the park, and a dog runs after the ball.",
        "Prices rose by 3.5 % in March; the bank did not expect it.",
    ];

    /// <param name="folder">Of the export.</param>
    /// <param name="to">Folder to be made; there must be none.</param>
    /// <param name="name">Name of the package.</param>
    /// <param name="prefix">Words before each text, such as T5's <c>summarize:</c>; a space comes between.</param>
    /// <exception cref="UsageException">A folder is missing, or there already.</exception>
    /// <exception cref="InvalidDataException">Something is missing or not supported; one message names everything.</exception>
    public static ImportReport Run(string folder, string to, string name, string prefix = "")
    {
        if (!Directory.Exists(folder)) throw new UsageException($"the folder {folder} does not exist.");
        var target = Path.GetFullPath(to);
        if (Path.Exists(target)) throw new UsageException($"{to} exists already, expected a folder to be made.");
        var parent = Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var making = Path.Combine(parent.FullName, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}");
        Directory.CreateDirectory(making);
        try
        {
            var report = Make(new ExportedFolder(folder), making, name, prefix.Trim());
            Directory.Move(making, target);
            return report with { Manifest = report.Manifest with { Folder = target } };
        }
        finally
        {
            if (Directory.Exists(making)) Directory.Delete(making, recursive: true);
        }
    }

    /// <summary>Notes what a model package writes whose decoder has just been trained: golden outputs, and their checksums, for each of its texts.</summary>
    /// <returns>One report for each text that the package writes.</returns>
    /// <exception cref="UsageException">The folder has no manifest <c>generator.NAME.json</c>.</exception>
    /// <exception cref="InvalidDataException">A manifest or a graph is not what it should be.</exception>
    public static IReadOnlyList<ImportReport> Complete(string folder)
    {
        var names = GeneratorManifest.NamesIn(folder);
        if (names.Count == 0) throw new UsageException($"{folder}: found no generator.NAME.json, expected a package whose decoder was trained with it; or name a folder with --out.");
        return [.. names.Select(name => Complete(GeneratorManifest.Load(folder, name), name))];
    }

    private static ImportReport Complete(GeneratorManifest manifest, string name)
    {
        var notes = Try(manifest);
        var checksums = new Dictionary<string, string>(manifest.Checksums)
        {
            [manifest.Golden] = GeneratorManifest.Sha256(Path.Combine(manifest.Folder, manifest.Golden)),
        };
        var complete = manifest with { Checksums = checksums };
        complete.Save(name);
        return new(GeneratorManifest.Load(manifest.Folder, name), notes);
    }

    private static ImportReport Make(ExportedFolder from, string making, string name, string prefix)
    {
        var rules = from.RulesOf();
        var tokens = ExportedTokenizer.Write(from, rules, prefix, making);
        from.ThrowIfWrong();
        var graphs = new GeneratorGraphs(
            Copied(from.Graphs.Encoder, making), Copied(from.Graphs.Decoder, making), from.Graphs.DecoderWithPast is { } others ? Copied(others, making) : null);
        var manifest = new GeneratorManifest
        {
            Schema = GeneratorManifest.SchemaName,
            Name = name,
            Version = "1.0.0",
            Architecture = from.Architecture,
            Graphs = graphs,
            Tokenizer = tokens!,
            MaxSourceTokens = from.MaxSourceTokens,
            Rules = rules,
            Golden = GoldenTexts.FileName,
            Checksums = new Dictionary<string, string>(),
            Folder = making,
        };
        var notes = Try(manifest);
        var checksums = Directory.GetFiles(making).Order(StringComparer.Ordinal).ToDictionary(f => Path.GetFileName(f), GeneratorManifest.Sha256);
        manifest = manifest with { Checksums = checksums };
        manifest.Save();
        return new(GeneratorManifest.Load(making), notes);
    }

    /// <summary>Writes the golden outputs, and compares greedy search with a plain loop that remembers nothing.</summary>
    private static List<string> Try(GeneratorManifest manifest)
    {
        var tokenizer = GeneratorTokenizer.Load(manifest.Tokenizer, manifest.Folder, manifest.Rules);
        using var model = OnnxSequenceModel.Load(manifest);
        try
        {
            GoldenTexts.Measure(new(manifest.Name, manifest, model, tokenizer, new()), s_texts).Save(Path.Combine(manifest.Folder, manifest.Golden));
            var greedy = new TextGenerator(manifest.Name, manifest, model, tokenizer, new() { Beams = 1 });
            var different = greedy.Write(s_texts).Count(job => !IsAsWithoutCache(job, model, manifest.Rules));
            if (different == 0) return [];
            var found = $"With its cache and in a batch, the decoder writes something else about {different} of {s_texts.Length} texts than without";
            if (IsQuantized(manifest)) return [$"{found}: its int8 arithmetic depends on what shares a call."];
            throw new InvalidDataException($"{manifest.Folder}: {found}; the export is damaged, or does something that is not supported.");
        }
        catch (InferenceException exception)
        {
            throw new InvalidDataException($"{manifest.Folder}: {exception.Message}", exception);
        }
    }

    private static bool IsAsWithoutCache(TextJob job, OnnxSequenceModel model, GenerationRules rules)
    {
        if (job.Failure is not null) return false;
        var plain = new GreedySearch(rules, job.Limit);
        var beginning = new List<int> { rules.Start };
        while (plain.Found is null && beginning.Count < LongestComparison)
        {
            plain.Advance(model.LogitsAfter(job.Source, [.. beginning]));
            if (plain.Found is null) beginning.Add(plain.Last[0]);
        }

        var written = job.Search.Found!.Ids;
        if (plain.Found is { } found) return written.SequenceEqual(found.Ids);
        var compared = Math.Min(written.Count, beginning.Count - 1); // circles are cut further on
        return written.Take(compared).SequenceEqual(beginning.Skip(1).Take(compared));
    }

    private static bool IsQuantized(GeneratorManifest manifest) =>
        File.ReadAllBytes(Path.Combine(manifest.Folder, manifest.Graphs.Decoder)).AsSpan().IndexOf("DynamicQuantizeLinear"u8) >= 0;

    /// <summary>Copies a graph and the files of its weights.</summary>
    private static string Copied(string graph, string to)
    {
        var name = Path.GetFileName(graph);
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(graph)!, name + "*"))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        return name;
    }
}
