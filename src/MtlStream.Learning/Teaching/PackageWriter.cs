using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Tasks;

namespace MtlStream.Learning.Teaching;

/// <summary>Writes a package with one more task beside the old one, which is left untouched.</summary>
public static partial class PackageWriter
{
    private const int GoldenDecimals = 4;

    /// <summary>Says what would keep <see cref="Write"/> from its work, before there is any.</summary>
    /// <exception cref="UsageException">The folder is in use, or the task's name cannot be one or is taken.</exception>
    public static void Check(ModelManifest manifest, string task, string folder)
    {
        if (!TaskName().IsMatch(task)) throw new UsageException($"--task {task}: expected letters, digits, _ and -, beginning with a letter.");
        if (manifest.Tasks.Any(t => t.Task.Name == task))
            throw new UsageException($"--task {task}: the package {manifest.Name} {manifest.Version} has a task of that name.");
        PackageCopy.CheckTarget(manifest, folder);
    }

    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="UsageException">As of <see cref="Check"/>.</exception>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void Write(ModelManifest manifest, Taught result, bool keepExamples, string folder)
    {
        ArgumentNullException.ThrowIfNull(result);
        var (taught, report, _, examples) = result;
        Check(manifest, report.Task, folder);
        PackageCopy.Write(manifest, folder, copy =>
        {
            foreach (var (_, graph) in manifest.Graphs) AddHead(manifest, report.Task, taught, copy.PathOf(graph));
            AddGolden(manifest, report.Task, taught.Members[0].Features.Words, copy);
            var recipe = new TaughtTask(
                report.Task, report.Kind, $"{manifest.Name} {manifest.Version}", report.Heads, report.Examples, keepExamples, report.CrossValidation.Labels);
            copy.Files.UnionWith(recipe.Write(copy.Folder, examples));
            copy.EditManifest(json =>
            {
                json["version"] = TaughtVersion.Taught(manifest.Version, report.Task);
                json["tasks"]!.AsArray().Add(Entry(report, taught));
                if (json["reference"]?["tasks"] is JsonObject reference) reference[report.Task] = ReferenceOf(report);
            });
        });
    }

    private static void AddHead(ModelManifest manifest, string task, TaughtHead taught, string graph) =>
        File.WriteAllBytes(graph, HeadGraph.WithHead(File.ReadAllBytes(graph), manifest, task, taught));

    /// <summary>What the new task says about the texts of the golden outputs, each scored by itself on a CPU.</summary>
    private static void AddGolden(ModelManifest manifest, string task, bool words, PackageCopy copy)
    {
        var outputs = HeadGraph.OutputsOf(task, words).Values.ToList();
        var graph = File.ReadAllBytes(copy.PathOf(manifest.GraphFor("cpu")));
        using var session = new GraphSession(SessionFactory.OpenGraph(graph, copy.Folder), manifest.Inputs);
        copy.EditGolden(text =>
        {
            using var values = session.Run(Ids(text, "input_ids"), Ids(text, "token_type_ids"), outputs);
            foreach (var (output, value) in outputs.Zip(values)) text["outputs"]![output] = Numbers(value);
        });
    }

    private static JsonArray Numbers(OrtValue values) => values.GetTensorTypeAndShape().ElementDataType == TensorElementType.Int32
        ? [.. values.GetTensorDataAsSpan<int>().ToArray().Select(id => JsonValue.Create(id))]
        : [.. values.GetTensorDataAsSpan<float>().ToArray().Select(score => JsonValue.Create(MathF.Round(score, GoldenDecimals)))];

    private static long[] Ids(JsonNode text, string member) => [.. text[member]!.AsArray().Select(id => id!.GetValue<long>())];

    private static JsonObject Entry(TeachReport report, TaughtHead taught)
    {
        var outputs = HeadGraph.OutputsOf(report.Task, taught.Members[0].Features.Words);
        var entry = new JsonObject
        {
            ["name"] = report.Task,
            ["kind"] = report.Kind,
            ["labels"] = new JsonArray([.. report.Labels.Select(l => JsonValue.Create(l))]),
            ["outputs"] = new JsonObject(outputs.Select(o => KeyValuePair.Create<string, JsonNode?>(o.Key, o.Value))),
            ["temperature"] = Math.Round(taught.Temperature, 4),
        };
        if (taught.Thresholds.Count > 0) entry["thresholds"] = new JsonArray([.. taught.Thresholds.Select(t => JsonValue.Create(t))]);
        if (report.Kind == TokenSpansTask.Definition.Name) entry["rules"] = TokenSpansTask.NoRules;
        var scores = new JsonObject { ["accuracy"] = Score(report.CrossValidation.Accuracy.Value) };
        if (report.CrossValidation.SpanF1 is { } spanF1) scores["spanF1"] = Score(spanF1.Value);
        entry["scores"] = scores;
        return entry;
    }

    private static JsonObject Score(double value) =>
        new() { ["value"] = Math.Round(value, 5), ["set"] = "cross-validation over the texts it was taught from" };

    /// <summary>What drift is measured against: how often each label and each confidence came up in cross-validation.</summary>
    private static JsonObject ReferenceOf(TeachReport report) => new()
    {
        ["labels"] = new JsonObject(report.Labels.Zip(report.Seen.LabelShares, (l, share) => KeyValuePair.Create<string, JsonNode?>(l, Math.Round(share, 6)))),
        ["confidence"] = new JsonArray([.. report.Seen.ConfidenceShares.Select(share => JsonValue.Create(Math.Round(share, 6)))]),
    };

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    private static partial Regex TaskName();
}
