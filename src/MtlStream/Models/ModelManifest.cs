using System.Security.Cryptography;
using System.Text.Json;
using System.Text;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>What a model package says about itself: the content of its <c>model.json</c>, schema <c>model-manifest.v1</c>.</summary>
/// <param name="Folder">Absolute path of the package; paths below are made absolute against it.</param>
/// <param name="Encoder">The encoder as the manifest describes it; provenance, not read by the program.</param>
/// <param name="Graphs">Path of the graph file by device: <c>cpu</c>, <c>cuda</c>.</param>
/// <param name="Tasks">In the order of the manifest, which is the order of the outputs.</param>
/// <param name="RowsPerCall">Most texts of one call on a CPU in which no text's scores depend on the others; 1 where they would.</param>
/// <param name="Checksums">SHA-256 in lower-case hex by file name, relative to <paramref name="Folder"/>.</param>
/// <param name="Golden">Path of the expected outputs; null when the package has none.</param>
public sealed record ModelManifest(
    string Folder, string Name, string Version, JsonElement? Encoder, TokenizerSettings Tokenizer,
    IReadOnlyDictionary<string, string> Graphs, ModelInputs Inputs, int RowsPerCall, IReadOnlyList<ManifestTask> Tasks,
    IReadOnlyDictionary<string, string> Checksums, string? Golden, JsonElement? Reference)
{
    public const string FileName = "model.json";
    public const string Schema = "model-manifest.v1";

    /// <summary>Name of the package that comes with the program, below a folder <c>models</c>.</summary>
    public const string ShippedName = "mtlstream-en";

    /// <summary>Most tokens of a sequence, [CLS] and [SEP] included.</summary>
    public int MaxTokens => Tokenizer.MaxTokens;

    /// <summary>Reads and checks a package's manifest, and that the files it names exist.</summary>
    /// <exception cref="InvalidDataException">One message that names everything that is wrong.</exception>
    /// <param name="kinds">The kinds of tasks that it may have; null for those that are built in.</param>
    public static ModelManifest Load(string folder, IReadOnlyList<TaskKind>? kinds = null)
    {
        var full = Path.GetFullPath(folder);
        var file = Path.Combine(full, FileName);
        if (!File.Exists(file))
            throw new InvalidDataException($"{full}: found no {FileName}, expected a model package ({Schema}).");
        return ManifestReader.Read(full, File.ReadAllBytes(file), kinds ?? TaskKind.All);
    }

    /// <summary>The package that <c>Model:Path</c> means; for an empty path the one that comes with the program.</summary>
    /// <exception cref="InvalidDataException">The path is empty and no package lies beside the program or above it.</exception>
    public static string Locate(string path)
    {
        if (path.Length > 0) return Path.GetFullPath(path);
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var candidate = Path.Combine(at.FullName, "models", ShippedName);
            if (File.Exists(Path.Combine(candidate, FileName))) return candidate;
        }

        throw new InvalidDataException(
            $"Found no models/{ShippedName}/{FileName} in {AppContext.BaseDirectory} or above; set Model:Path to the folder of a model package.");
    }

    /// <summary>Path of the graph for a device.</summary>
    /// <exception cref="InvalidDataException">The package has none.</exception>
    public string GraphFor(string device) => Graphs.TryGetValue(device, out var path) ? path : throw new InvalidDataException(
        $"{Path.Combine(Folder, FileName)}: graphs: found {string.Join(", ", Graphs.Keys)}, expected {device} for device {device}.");

    /// <summary>Compares the package's files with their checksums.</summary>
    /// <returns>One sentence for each file that differs; empty when all agree.</returns>
    public IReadOnlyList<string> VerifyChecksums()
    {
        var problems = new List<string>();
        foreach (var (name, expected) in Checksums)
        {
            var (found, bytes) = Sha256(name);
            if (found != expected)
            {
                problems.Add($"{name}: found sha256 {found} over {bytes} bytes, expected {expected}: " +
                    "the file is truncated, corrupt or from another version of the package.");
            }
        }

        return problems;
    }

    /// <summary>The files in use that have no checksum: nobody can tell whether they are what they were.</summary>
    /// <returns>Names relative to the folder, of files that the manifest names or that a graph has its weights in.</returns>
    public IReadOnlyList<string> FilesWithoutChecksum()
    {
        var named = Tokenizer.Files.Values.Concat(Graphs.Values).Append(Golden).OfType<string>().Select(Relative).ToHashSet();
        var others = Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Select(Relative)
            .Where(name => name != FileName && !named.Contains(name) && !Checksums.ContainsKey(name)).ToList();
        foreach (var graph in others.Count == 0 ? [] : Graphs.Values.Distinct())
        {
            var bytes = File.ReadAllBytes(graph); // names the files of its weights as plain text
            named.UnionWith(others.Where(name => bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(name)) >= 0));
        }

        return [.. named.Where(name => !Checksums.ContainsKey(name)).Order(StringComparer.Ordinal)];

        string Relative(string path) => Path.GetRelativePath(Folder, path).Replace(Path.DirectorySeparatorChar, '/');
    }

    /// <summary>The same with a checksum for every file in use, itself included: what tells packages apart when the folder is gone.</summary>
    public ModelManifest WithEveryChecksum()
    {
        var checksums = new Dictionary<string, string>(Checksums);
        foreach (var name in FilesWithoutChecksum().Append(FileName)) checksums.TryAdd(name, Sha256(name).Hash);
        return this with { Checksums = checksums };
    }

    /// <summary>The tasks that <c>Model:Tasks</c> asks for, in the manifest's order.</summary>
    /// <param name="names">Comma-separated; empty for all but those that are left out unless asked for.</param>
    /// <param name="onRequest">With those of them that give vectors.</param>
    /// <exception cref="InvalidDataException">A name is unknown; the message lists the known ones.</exception>
    public IReadOnlyList<ManifestTask> Select(string names, bool onRequest = false)
    {
        var wanted = names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (wanted.Length == 0) return [.. Tasks.Where(t => !t.Task.OnRequest || (onRequest && t.Task is VectorTask))];
        var unknown = wanted.Where(name => Tasks.All(t => t.Task.Name != name)).ToList();
        if (unknown.Count > 0)
        {
            throw new InvalidDataException(
                $"Model:Tasks: found {string.Join(", ", unknown)}, expected some of {string.Join(", ", Tasks.Select(t => t.Task.Name))}.");
        }

        return [.. Tasks.Where(t => wanted.Contains(t.Task.Name))];
    }

    /// <summary>The same with other thresholds for what is given.</summary>
    /// <param name="thresholds">As <see cref="ModelOptions.Thresholds"/> has them.</param>
    /// <exception cref="InvalidDataException">There is no such task, it has no such label, or its labels have no thresholds; one message names everything.</exception>
    public ModelManifest With(IReadOnlyDictionary<string, double> thresholds)
    {
        if (thresholds.Count == 0) return this;
        var given = thresholds.Select(t => new GivenThreshold(t.Key, (float)t.Value)).ToList();
        var problems = given.Select(Problem).OfType<string>().ToList();
        if (problems.Count > 0) throw new InvalidDataException(string.Join(" ", problems));
        return this with { Tasks = [.. Tasks.Select(t => t with { Task = With(t.Task, [.. given.Where(g => g.IsOf(t.Task.Name))]) })] };
    }

    /// <summary>The same, of which the tasks that name languages know others than the package says.</summary>
    /// <param name="languages">As <see cref="ModelOptions.Languages"/> has them.</param>
    /// <exception cref="InvalidDataException">No task of the package tells such a language.</exception>
    public ModelManifest Knowing(string languages)
    {
        if (languages.Length == 0) return this;
        var any = languages.Trim().Equals(ModelOptions.AnyLanguage, StringComparison.OrdinalIgnoreCase);
        var known = any ? [] : languages.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var teller = Tasks.FirstOrDefault(t => t.Task.TellsLanguage)?.Task;
        if (teller is null && !any)
            throw new InvalidDataException($"Model:Languages: found {languages}, expected {ModelOptions.AnyLanguage} or nothing: no task of {Name} tells the language of a text.");
        var unknown = known.Where(l => !teller!.Labels.Contains(l)).ToList();
        if (unknown.Count > 0)
            throw new InvalidDataException($"Model:Languages: found {string.Join(", ", unknown)}, expected some of {string.Join(", ", teller!.Labels)}.");
        foreach (var task in Tasks.Where(t => t.Task.Languages.Count > 0)) task.Task.Languages = known;
        return this;
    }

    private static ModelTask With(ModelTask task, IReadOnlyList<GivenThreshold> thresholds)
    {
        var made = task.WithThresholds(thresholds);
        (made.Languages, made.TellsLanguage) = (task.Languages, task.TellsLanguage);
        return made;
    }

    private string? Problem(GivenThreshold given)
    {
        var task = Tasks.FirstOrDefault(t => given.IsOf(t.Task.Name))?.Task;
        if (task is null) return $"{given.Setting}: there is no task {given.Task}{Nearest.Suggest(given.Task, Tasks.Select(t => t.Task.Name))}";
        return task.Refusal(given) is { } refusal ? $"{given.Setting}: {refusal}" : null;
    }

    private (string Hash, long Bytes) Sha256(string name)
    {
        using var stream = File.OpenRead(Path.Combine(Folder, name));
        return (Convert.ToHexStringLower(SHA256.HashData(stream)), stream.Length);
    }
}

/// <summary>Names of the graph's inputs, each int64 [sequences, padded length].</summary>
/// <param name="Cases">Letter case of each token's word; null when the graph has no such input.</param>
/// <param name="Segments">Which of two texts each token is from, zeros for one text; null when the graph has no such input.</param>
public sealed record ModelInputs(string Ids, string Mask, string? Cases, string? Segments)
{
    /// <summary>Those that the graph has.</summary>
    public IReadOnlyList<string> Names { get; } = [.. new[] { Ids, Mask, Cases, Segments }.OfType<string>()];
}

/// <summary>One task of a package: what is served, and where it comes from.</summary>
/// <param name="Tensors">Name of the graph's output for each of the task's <see cref="ModelTask.Outputs"/>.</param>
/// <param name="Temperature">What the logits were divided by to calibrate them; the graph has done it already.</param>
public sealed record ManifestTask(
    ModelTask Task, IReadOnlyList<string> Tensors, double Temperature,
    IReadOnlyList<TrainingData> Data, IReadOnlyDictionary<string, MeasuredScore> Scores);

/// <summary>A corpus that a task was trained on.</summary>
public sealed record TrainingData(string Name, string License, string Url);

/// <summary>A score as measured when the package was made.</summary>
/// <param name="Value">As a fraction.</param>
/// <param name="Set">The test set it was measured on.</param>
public sealed record MeasuredScore(double Value, string Set);
