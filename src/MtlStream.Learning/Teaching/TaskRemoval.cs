using System.Text.Json.Nodes;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Learning.Teaching;

/// <summary>Writes a package with one task less beside the old one, which is left untouched.</summary>
public static class TaskRemoval
{
    /// <summary>Removes the task's head from every graph, and the task from manifest, golden outputs and reference distribution.</summary>
    /// <param name="folder">Of the new package; must not exist, or be empty.</param>
    /// <returns>The new package.</returns>
    /// <exception cref="UsageException">There is no such task, it is the only one, or the folder is in use.</exception>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    /// <exception cref="InvalidDataException">An output of the other tasks is not what it was.</exception>
    public static ModelManifest Write(ModelManifest manifest, string task, string folder)
    {
        var names = manifest.Tasks.Select(t => t.Task.Name).ToList();
        if (!names.Contains(task)) throw new UsageException($"--task {task}: the package has no task of that name; it has {string.Join(", ", names)}.");
        if (names.Count == 1) throw new UsageException($"--task {task}: it is the package's only task; expected one of several.");
        var gone = manifest.Tasks.Single(t => t.Task.Name == task).Tensors.ToHashSet();
        PackageCopy.Write(manifest, folder, copy =>
        {
            var texts = new List<string>();
            foreach (var (_, graph) in manifest.Graphs) Prune(copy.PathOf(graph), gone);
            foreach (var file in TaughtTask.FilesOf(task).Where(copy.Files.Remove)) File.Delete(Path.Combine(copy.Folder, file));

            copy.EditGolden(text =>
            {
                texts.Add(text["text"]!.GetValue<string>());
                Remove(text["outputs"]!.AsObject(), gone);
            });
            copy.EditManifest(json =>
            {
                var tasks = json["tasks"]!.AsArray();
                json["version"] = TaughtVersion.Forgotten(manifest.Version, task);
                tasks.Remove(tasks.Single(t => t!["name"]!.GetValue<string>() == task));
                (json["reference"]?["tasks"] as JsonObject)?.Remove(task);
            });
            Compare(ModelManifest.Load(copy.Folder), manifest, texts);
        });
        return ModelManifest.Load(folder);
    }

    private static void Compare(ModelManifest written, ModelManifest original, List<string> texts)
    {
        var tokenizer = TextTokenizer.Load(original.Tokenizer, new());
        if (IdentityCheck.FirstDifference(written, original, tokenizer, texts) is { } difference)
            throw new InvalidDataException($"{original.Folder}: without the task the output {difference.Output} differs on text {difference.Text + 1}; nothing was written.");
    }

    private static void Prune(string graph, HashSet<string> gone) => File.WriteAllBytes(graph, GraphPruning.Without(File.ReadAllBytes(graph), gone));

    private static void Remove(JsonObject outputs, HashSet<string> gone)
    {
        foreach (var output in gone) outputs.Remove(output);
    }
}
