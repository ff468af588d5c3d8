using System.Text.Json;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Tasks;

namespace MtlStream.Learning.Promotion;

/// <summary>What a package says of texts, by task: for each text a set of labels.</summary>
/// <param name="Labels">By task about whole texts; the labels of each text.</param>
/// <param name="Others">By any other task; the whole answer of each text without its scores, to be compared as one.</param>
public sealed record PackageAnswers(
    IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<string>>> Labels, IReadOnlyDictionary<string, IReadOnlyList<string>> Others)
{
    /// <summary>Has the package in a folder annotate texts, as it would be served on a CPU.</summary>
    /// <exception cref="InvalidDataException">The package is not what its manifest says.</exception>
    public static async Task<PackageAnswers> OfAsync(ModelManifest manifest, IReadOnlyList<string> texts, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        using var annotator = TextAnnotator.Load(new ModelOptions { Path = manifest.Folder, Device = "cpu" });
        var said = await annotator.AnnotateAsync(texts, stopping);
        var tasks = manifest.Tasks.Select(t => t.Task).Where(t => !t.OnRequest).ToList();
        return new(
            tasks.Where(t => t is TextLabelTask).ToDictionary(t => t.Name, t => (IReadOnlyList<IReadOnlyList<string>>)[.. said.Select(a => LabelsIn(a, t))]),
            tasks.Where(t => t is not TextLabelTask).ToDictionary(t => t.Name, t => (IReadOnlyList<string>)[.. said.Select(a => RangesIn(a, t.Name))]));
    }

    /// <summary>None where the text was rejected.</summary>
    private static IReadOnlyList<string> LabelsIn(Annotation said, ModelTask task)
    {
        if (said.Tasks is null) return [];
        if (task is MultiLabelTask) return [.. said.Labels(task.Name).Select(l => l.Label)];
        return said.Label(task.Name) is { } label ? [label] : [];
    }

    private static string RangesIn(Annotation said, string task)
    {
        if (said.Tasks is null) return "";
        var ranges = said[task].EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.Array).SelectMany(m => m.Value.EnumerateArray());
        return string.Join(' ', ranges.Select(r => $"{Member(r, "start")}-{Member(r, "end")}:{Member(r, "label")}"));
    }

    private static string Member(JsonElement range, string name) =>
        range.ValueKind == JsonValueKind.Object && range.TryGetProperty(name, out var value) ? value.ToString() : "";
}
