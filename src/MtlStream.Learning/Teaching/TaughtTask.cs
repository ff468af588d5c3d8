using System.Text.Encodings.Web;
using System.Text.Json;
using MtlStream.Models;

namespace MtlStream.Learning.Teaching;

/// <summary>How well a label was found in cross-validation.</summary>
public sealed record LabelScore(string Label, double F1);

/// <summary>What a package keeps of a task that it was taught: how it was taught, how well, and unless told otherwise its examples.</summary>
/// <param name="Package">Name and version of the package that it was taught.</param>
/// <param name="Heads">What was chosen.</param>
/// <param name="Examples">Number of them.</param>
/// <param name="ExamplesKept">Whether they lie beside this, as JSON lines that <c>teach</c> reads.</param>
public sealed record TaughtTask(
    string Task, string Kind, string Package, IReadOnlyList<string> Heads, int Examples, bool ExamplesKept, IReadOnlyList<LabelScore> Labels)
{
    private const string Folder = "taught";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The tasks that a package keeps something of, in the order in which it has them.</summary>
    /// <exception cref="InvalidDataException">A file is not what it should be.</exception>
    public static IReadOnlyList<TaughtTask> In(ModelManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return [.. manifest.Tasks.Select(t => Path.Combine(manifest.Folder, RecipeOf(t.Task.Name))).Where(File.Exists).Select(Read)];
    }

    /// <summary>The file of the examples in a package.</summary>
    public string ExamplesIn(ModelManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return Path.Combine(manifest.Folder, ExamplesOf(Task));
    }

    /// <summary>Files that belong to a task, from the package's folder.</summary>
    internal static IReadOnlyList<string> FilesOf(string task) => [RecipeOf(task), ExamplesOf(task)];

    /// <summary>Writes both files into a package.</summary>
    /// <param name="examples">Objects that become JSON lines.</param>
    /// <returns>The files, from the package's folder.</returns>
    internal IReadOnlyList<string> Write(string folder, IEnumerable<object> examples)
    {
        Directory.CreateDirectory(Path.Combine(folder, Folder));
        File.WriteAllText(Path.Combine(folder, RecipeOf(Task)), JsonSerializer.Serialize(this, s_json) + "\n");
        if (!ExamplesKept) return [RecipeOf(Task)];
        File.WriteAllLines(Path.Combine(folder, ExamplesOf(Task)), examples.Select(e => JsonSerializer.Serialize(e, s_line)));
        return FilesOf(Task);
    }

    private static string RecipeOf(string task) => $"{Folder}/{task}.json";

    private static string ExamplesOf(string task) => $"{Folder}/{task}.jsonl";

    private static TaughtTask Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<TaughtTask>(File.ReadAllBytes(path), s_json) ?? throw new InvalidDataException($"{path}: found null, expected an object.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}: {exception.Message}", exception);
        }
    }
}
