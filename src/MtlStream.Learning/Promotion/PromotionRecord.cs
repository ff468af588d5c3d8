using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Models;

namespace MtlStream.Learning.Promotion;

/// <summary>The record of a comparison, <c>schemas/promotion.v1.json</c>, beside the candidate, and its signature beside the record.</summary>
public static class PromotionRecord
{
    private const string Schema = "promotion.v1";
    private const int Decimals = 5;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Where the record of a candidate lies: <c>models/refund</c> has <c>models/refund.promotion.json</c>.</summary>
    public static string PathOf(ModelManifest candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        return Path.GetFullPath(candidate.Folder).TrimEnd(Path.DirectorySeparatorChar) + ".promotion.json";
    }

    /// <summary>Writes the record and its signature, <c>.sig</c>; each appears whole.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    /// <returns>The path of the record.</returns>
    public static string Write(ModelManifest serving, ModelManifest candidate, Comparison comparison, DateTimeOffset at, string by, RecordKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var path = PathOf(candidate);
        var record = Encoding.UTF8.GetBytes(Json(serving, candidate, comparison, at, by, key.Algorithm).ToJsonString(s_indented) + "\n");
        WriteWhole(path, record);
        WriteWhole(path + ".sig", key.Sign(record));
        return path;
    }

    /// <summary>What is wrong with the record of a candidate; null when it is signed by the key, about these very files, and says that the candidate passed.</summary>
    public static string? Problem(ModelManifest candidate, RecordKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var path = PathOf(candidate);
        if (!File.Exists(path) || !File.Exists(path + ".sig")) return $"{path}: there is no record with its signature; mtlstream promote writes one.";
        var record = File.ReadAllBytes(path);
        if (!key.Verifies(record, File.ReadAllBytes(path + ".sig"))) return $"{path}: the signature is not that of this key over this record.";
        using var json = JsonDocument.Parse(record);
        if (json.RootElement.GetProperty("candidate").GetProperty("manifest").GetString() != HashOf(candidate))
            return $"{path}: the record is about other files than those in {candidate.Folder}.";
        return json.RootElement.GetProperty("passed").GetBoolean() ? null : $"{path}: the candidate was refused.";
    }

    private static JsonObject Json(ModelManifest serving, ModelManifest candidate, Comparison comparison, DateTimeOffset at, string by, string algorithm) => new()
    {
        ["schema"] = Schema,
        ["at"] = at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
        ["by"] = by,
        ["signature"] = algorithm,
        ["serving"] = PackageOf(serving),
        ["candidate"] = PackageOf(candidate),
        ["texts"] = comparison.Texts,
        ["gates"] = new JsonObject
        {
            ["mostLoss"] = comparison.Gates.MostLoss, ["leastGain"] = comparison.Gates.LeastGain, ["significance"] = comparison.Gates.Significance,
        },
        ["passed"] = comparison.Passed,
        ["refusals"] = new JsonArray([.. comparison.Refusals.Select(r => JsonValue.Create(r))]),
        ["tasks"] = new JsonArray([.. comparison.Tasks.Select(TaskOf)]),
    };

    private static JsonObject PackageOf(ModelManifest manifest) => new()
    {
        ["name"] = manifest.Name, ["version"] = manifest.Version, ["manifest"] = HashOf(manifest),
    };

    private static JsonNode TaskOf(TaskComparison task) => new JsonObject
    {
        ["task"] = task.Task,
        ["labelled"] = task.Labelled,
        ["texts"] = task.Texts,
        ["accuracyBefore"] = Math.Round(task.Before, Decimals),
        ["accuracyAfter"] = Math.Round(task.After, Decimals),
        ["won"] = task.Won,
        ["lost"] = task.Lost,
        ["chanceOfGain"] = Math.Round(task.ChanceOfGain, Decimals),
        ["chanceOfLoss"] = Math.Round(task.ChanceOfLoss, Decimals),
        ["passed"] = task.Passed,
        ["labels"] = new JsonArray([.. task.Labels.Select(LabelOf)]),
    };

    private static JsonNode LabelOf(LabelComparison label) => new JsonObject
    {
        ["label"] = label.Label,
        ["texts"] = label.Texts,
        ["f1Before"] = Math.Round(label.F1Before, Decimals),
        ["f1After"] = Math.Round(label.F1After, Decimals),
        ["won"] = label.Won,
        ["lost"] = label.Lost,
        ["chance"] = Math.Round(label.Chance, Decimals),
        ["passed"] = label.Passed,
    };

    /// <summary>Of the manifest, which holds the checksums of the other files.</summary>
    private static string HashOf(ModelManifest manifest) =>
        "sha256:" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(manifest.Folder, ModelManifest.FileName))));

    private static void WriteWhole(string path, byte[] content)
    {
        File.WriteAllBytes(path + ".part", content);
        File.Move(path + ".part", path, overwrite: true);
    }
}
