using System.Diagnostics.Metrics;
using MtlStream.Generation;
using MtlStream.Models;

namespace MtlStream.Onnx.Generation;

/// <summary>Loads and verifies packages that write texts, the same way for every command.</summary>
public sealed class GeneratorLoader(IMeterFactory meters)
{
    /// <summary>Loads what the settings name.</summary>
    /// <param name="always">Names of the texts that every event gets that does not say otherwise, separated by commas.</param>
    /// <returns>Null where they name none.</returns>
    /// <exception cref="UsageException">There is no such folder, or no such name.</exception>
    /// <exception cref="InvalidDataException">A package is not what its manifest says, or writes something else than it did.</exception>
    public TextGenerators? Load(GenerationOptions options, string always)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options, always, []);
        if (options.Models.Count == 0) return null;
        var loaded = new List<TextGenerator>();
        try
        {
            foreach (var (name, folder) in options.Models) loaded.Add(Load(name, folder, options, loaded));
            return new(loaded, always, options, meters);
        }
        catch
        {
            foreach (var one in loaded) one.Dispose();
            throw;
        }
    }

    /// <summary>Loads what the settings name beside a model, which is disposed when one of the packages cannot be had.</summary>
    /// <param name="always">As for <see cref="Load(GenerationOptions, string)"/>.</param>
    /// <returns>Owns all of them.</returns>
    /// <exception cref="UsageException">There is no such folder, no such name, or a name is a task's.</exception>
    /// <exception cref="InvalidDataException">A package is not what its manifest says, or writes something else than it did.</exception>
    public LoadedModel Beside(LoadedModel labels, GenerationOptions options, string always)
    {
        ArgumentNullException.ThrowIfNull(labels);
        try
        {
            var all = WithOwn(options, always, labels.Manifest.Folder);
            Check(all, always, [.. labels.Model.Tasks.Select(t => t.Name)]);
            return labels with { Generators = Load(all, always) };
        }
        catch
        {
            labels.Dispose();
            throw;
        }
    }

    /// <summary>The settings with the texts that the model package writes itself, where they are asked for by name and no other package is named.</summary>
    /// <param name="always">As for <see cref="Load(GenerationOptions, string)"/>.</param>
    /// <param name="package">Folder of the model package.</param>
    public static GenerationOptions WithOwn(GenerationOptions options, string always, string package)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(always);
        var asked = Names(always).Intersect(GeneratorManifest.NamesIn(package)).Where(name => !options.Models.ContainsKey(name));
        var own = asked.ToDictionary(name => name, _ => package);
        return own.Count == 0 ? options : options with { Models = options.Models.Concat(own).ToDictionary() };
    }

    /// <summary>Says what is wrong with the settings before anything is loaded.</summary>
    /// <param name="tasks">Names that the labels have, and texts cannot.</param>
    /// <exception cref="UsageException">Something is.</exception>
    public static void Check(GenerationOptions options, string always, IReadOnlyList<string> tasks)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(always);
        foreach (var (name, folder) in options.Models)
        {
            if (name == TextGenerators.Nothing || name.Contains(',', StringComparison.Ordinal)) throw new UsageException($"Generation:Models:{name}: found a name that means something else, expected another.");
            if (tasks.Contains(name)) throw new UsageException($"Generation:Models:{name}: found the name of a task, expected another.");
            if (!Directory.Exists(folder)) throw new UsageException($"Generation:Models:{name}: the folder {folder} does not exist.");
        }

        var unknown = Names(always).FirstOrDefault(n => n != TextGenerators.Nothing && !options.Models.ContainsKey(n));
        if (unknown is not null && options.Models.Count == 0) throw new UsageException($"Model:Generate: found {unknown}, expected a model of that name: Generation:Models:{unknown}=DIR.");
        if (unknown is not null) throw new UsageException($"Model:Generate: there is no generator {unknown}{Text.Nearest.Suggest(unknown, options.Models.Keys)}");
    }

    /// <summary>Everything that is wrong with a package; none when nothing is.</summary>
    /// <param name="name">Of the texts, where a model package writes them.</param>
    public static IReadOnlyList<string> Findings(string folder, string name = "")
    {
        try
        {
            using var loaded = Load(name, folder, new());
            return [];
        }
        catch (Exception exception) when (exception is InvalidDataException or InferenceException)
        {
            return [exception.Message];
        }
    }

    /// <param name="others">Loaded before: what has the same graphs shares their memory.</param>
    /// <exception cref="InvalidDataException">The package is not what its manifest says, or writes something else than it did.</exception>
    internal static TextGenerator Load(string name, string folder, GenerationOptions options, IReadOnlyList<TextGenerator>? others = null)
    {
        var manifest = GeneratorManifest.Load(folder, name);
        if (manifest.VerifyChecksums() is { Count: > 0 } wrong) throw PackageProblems.Of(manifest.Folder, wrong);
        var tokenizer = GeneratorTokenizer.Load(manifest.Tokenizer, manifest.Folder, manifest.Rules);
        var model = Shared(manifest, others ?? []) ?? new SharedSequenceModel(OnnxSequenceModel.Load(manifest));
        try
        {
            var golden = GoldenTexts.Load(Path.Combine(manifest.Folder, manifest.Golden));
            var problems = golden.Compare(new(name, manifest, model, tokenizer, new()));
            return problems.Count == 0 ? new(name, manifest, model, tokenizer, options) : throw PackageProblems.Of(manifest.Folder, problems);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static SharedSequenceModel? Shared(GeneratorManifest manifest, IReadOnlyList<TextGenerator> others)
    {
        var same = others.FirstOrDefault(o => o.Manifest.Folder == manifest.Folder && o.Manifest.Graphs == manifest.Graphs);
        return (same?.Model as SharedSequenceModel)?.Share();
    }

    private static string[] Names(string always) => always.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
