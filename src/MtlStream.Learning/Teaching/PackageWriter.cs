using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MtlStream.Models;
using MtlStream.Onnx;

namespace MtlStream.Learning.Teaching;

/// <summary>Writes a package with one more task beside the old one, which is left untouched.</summary>
/// <remarks>The new folder appears whole or not at all: it is written under another name, and renamed.</remarks>
public static partial class PackageWriter
{
    private const int GoldenDecimals = 4;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="UsageException">The folder is in use, or the task's name cannot be one.</exception>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void Write(ModelManifest manifest, TeachReport report, TaughtHead taught, string folder)
    {
        if (!TaskName().IsMatch(report.Task))
            throw new UsageException($"--task {report.Task}: expected letters, digits, _ and -, beginning with a letter.");
        var target = Path.GetFullPath(folder);
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            throw new UsageException($"--out {target}: the folder is not empty; expected a new one.");
        var scratch = target.TrimEnd(Path.DirectorySeparatorChar) + ".part";
        try
        {
            Copy(manifest.Folder, scratch);
            foreach (var (_, graph) in manifest.Graphs) AddHead(manifest, report.Task, taught, Path.Combine(scratch, Path.GetRelativePath(manifest.Folder, graph)));
            AddGolden(manifest, report.Task, scratch);
            WriteManifest(manifest, report, taught, scratch);
            if (Directory.Exists(target)) Directory.Delete(target);
            Directory.Move(scratch, target);
        }
        catch
        {
            if (Directory.Exists(scratch)) Directory.Delete(scratch, recursive: true);
            throw;
        }
    }

    private static void Copy(string from, string to)
    {
        if (Directory.Exists(to)) Directory.Delete(to, recursive: true);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private static void AddHead(ModelManifest manifest, string task, TaughtHead taught, string graph) =>
        File.WriteAllBytes(graph, HeadGraph.WithHead(File.ReadAllBytes(graph), manifest, task, taught));

    /// <summary>What the new task says about the texts of the golden outputs, each scored by itself on a CPU.</summary>
    private static void AddGolden(ModelManifest manifest, string task, string folder)
    {
        if (manifest.Golden is null) return;
        var path = Path.Combine(folder, Path.GetRelativePath(manifest.Folder, manifest.Golden));
        var golden = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        var output = HeadGraph.OutputOf(task);
        var graph = File.ReadAllBytes(Path.Combine(folder, Path.GetRelativePath(manifest.Folder, manifest.GraphFor("cpu"))));
        using var session = new GraphSession(SessionFactory.OpenGraph(graph, folder), manifest.Inputs);
        foreach (var text in golden["texts"]!.AsArray())
        {
            var scores = session.Run(Ids(text!, "input_ids"), Ids(text!, "token_type_ids"), output);
            text!["outputs"]![output] = new JsonArray([.. scores.Select(s => JsonValue.Create(MathF.Round(s, GoldenDecimals)))]);
        }

        File.WriteAllText(path, golden.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n");
    }

    private static long[] Ids(JsonNode text, string member) => [.. text[member]!.AsArray().Select(id => id!.GetValue<long>())];

    private static void WriteManifest(ModelManifest manifest, TeachReport report, TaughtHead taught, string folder)
    {
        var path = Path.Combine(folder, ModelManifest.FileName);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json["version"] = NextVersion(manifest.Version, report.Task);
        json["tasks"]!.AsArray().Add(Entry(report, taught));
        if (json["reference"]?["tasks"] is JsonObject reference) reference[report.Task] = ReferenceOf(report);
        var checksums = new JsonObject();
        foreach (var file in manifest.Checksums.Keys) checksums[file] = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, file))));
        json["checksums"] = checksums;
        File.WriteAllText(path, json.ToJsonString(s_json) + "\n");
    }

    /// <summary>The old version with the task behind it: 1.5.1 becomes 1.5.1+refund, which sorts behind it.</summary>
    private static string NextVersion(string version, string task) => version.Contains('+', StringComparison.Ordinal) ? $"{version}.{task}" : $"{version}+{task}";

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
