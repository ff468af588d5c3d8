using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MtlStream.Models;
using MtlStream.Onnx;

namespace MtlStream.Learning.Teaching;

/// <summary>Writes a package with one more task beside the old one, which is left untouched.</summary>
public static partial class PackageWriter
{
    private const int GoldenDecimals = 4;

    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="UsageException">The folder is in use, or the task's name cannot be one.</exception>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void Write(ModelManifest manifest, TeachReport report, TaughtHead taught, string folder)
    {
        if (!TaskName().IsMatch(report.Task))
            throw new UsageException($"--task {report.Task}: expected letters, digits, _ and -, beginning with a letter.");
        PackageCopy.Write(manifest, folder, copy =>
        {
            foreach (var (_, graph) in manifest.Graphs) AddHead(manifest, report.Task, taught, copy.PathOf(graph));
            AddGolden(manifest, report.Task, copy);
            copy.EditManifest(json =>
            {
                json["version"] = PackageCopy.NextVersion(manifest.Version, report.Task);
                json["tasks"]!.AsArray().Add(Entry(report, taught));
                if (json["reference"]?["tasks"] is JsonObject reference) reference[report.Task] = ReferenceOf(report);
            });
        });
    }

    private static void AddHead(ModelManifest manifest, string task, TaughtHead taught, string graph) =>
        File.WriteAllBytes(graph, HeadGraph.WithHead(File.ReadAllBytes(graph), manifest, task, taught));

    /// <summary>What the new task says about the texts of the golden outputs, each scored by itself on a CPU.</summary>
    private static void AddGolden(ModelManifest manifest, string task, PackageCopy copy)
    {
        var output = HeadGraph.OutputOf(task);
        var graph = File.ReadAllBytes(copy.PathOf(manifest.GraphFor("cpu")));
        using var session = new GraphSession(SessionFactory.OpenGraph(graph, copy.Folder), manifest.Inputs);
        copy.EditGolden(text =>
        {
            var scores = session.Run(Ids(text, "input_ids"), Ids(text, "token_type_ids"), output);
            text["outputs"]![output] = new JsonArray([.. scores.Select(s => JsonValue.Create(MathF.Round(s, GoldenDecimals)))]);
        });
    }

    private static long[] Ids(JsonNode text, string member) => [.. text[member]!.AsArray().Select(id => id!.GetValue<long>())];

    private static JsonObject Entry(TeachReport report, TaughtHead taught)
    {
        var entry = new JsonObject
        {
            ["name"] = report.Task,
            ["kind"] = report.Kind,
            ["labels"] = new JsonArray([.. report.Labels.Select(l => JsonValue.Create(l))]),
            ["outputs"] = new JsonObject { ["probabilities"] = HeadGraph.OutputOf(report.Task) },
            ["temperature"] = Math.Round(taught.Temperature, 4),
        };
        if (taught.Thresholds.Count > 0) entry["thresholds"] = new JsonArray([.. taught.Thresholds.Select(t => JsonValue.Create(t))]);
        entry["scores"] = new JsonObject
        {
            ["accuracy"] = new JsonObject
            {
                ["value"] = Math.Round(report.CrossValidation.Accuracy.Value, 5),
                ["set"] = "cross-validation over the texts it was taught from",
            },
        };
        return entry;
    }

    /// <summary>What drift is measured against: how often each label and each confidence came up in cross-validation.</summary>
    private static JsonObject ReferenceOf(TeachReport report) => new()
    {
        ["labels"] = new JsonObject(report.Labels.Zip(report.Seen.LabelShares, (l, share) => KeyValuePair.Create<string, JsonNode?>(l, Math.Round(share, 6)))),
        ["confidence"] = new JsonArray([.. report.Seen.ConfidenceShares.Select(share => JsonValue.Create(Math.Round(share, 6)))]),
    };

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    private static partial Regex TaskName();
}
