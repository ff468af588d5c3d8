using System.Text.Json.Nodes;
using System.Text.Json;
using MtlStream.Tasks;

namespace MtlStream.Monitoring;

/// <summary>What the model was made for: how often each label, confidence and text length came up when it was tested.</summary>
/// <remarks>The member <c>reference</c> of a manifest, or a file of the same form. Shares of a distribution add up to one.</remarks>
/// <param name="Events">Events it was taken from.</param>
/// <param name="TextLengths">Share of texts by tokens, one per bin of <see cref="LengthBounds"/> and one beyond.</param>
/// <param name="UnknownShare">Share of tokens that the vocabulary does not know.</param>
/// <param name="Labels">By task: share of each label, in the order of its labels.</param>
/// <param name="Confidences">By task: share of events by confidence, in <see cref="ConfidenceBins"/> equal bins from 0 to 1.</param>
public sealed record ReferenceDistribution(
    long Events, IReadOnlyList<double> TextLengths, double UnknownShare,
    IReadOnlyDictionary<string, IReadOnlyList<double>> Labels, IReadOnlyDictionary<string, IReadOnlyList<double>> Confidences)
{
    public const int ConfidenceBins = 10;

    /// <summary>Upper bounds of the bins of text length, in tokens.</summary>
    public static IReadOnlyList<int> LengthBounds { get; } = [8, 16, 32, 64, 128, 256, 512];

    private const double LeastShare = 1e-4; // an empty bin would be infinitely surprising

    /// <summary>Population stability index: the sum of (p - q) ln(p / q). Below 0.1 the same, above 0.25 another population.</summary>
    /// <remarks>As credit scoring uses it: Siddiqi, Credit Risk Scorecards (2006). Empty bins count as 1e-4.</remarks>
    public static double StabilityIndex(IReadOnlyList<double> reference, ReadOnlySpan<long> counts)
    {
        double total = 0;
        foreach (var count in counts) total += count;
        double index = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            var (p, q) = (Math.Max(counts[i] / total, LeastShare), Math.Max(reference[i], LeastShare));
            index += (p - q) * Math.Log(p / q);
        }

        return index;
    }

    /// <summary>Reads a reference; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It does not fit the tasks; one message names everything.</exception>
    public static ReferenceDistribution? Read(JsonElement? json, IReadOnlyList<ModelTask> tasks)
    {
        if (json is not { } root) return null;
        var problems = new List<string>();
        var labels = new Dictionary<string, IReadOnlyList<double>>();
        var confidences = new Dictionary<string, IReadOnlyList<double>>();
        foreach (var task in tasks)
        {
            if (!TryMember(root, out var given, "tasks", task.Name)) continue;
            if (TryMember(given, out var byLabel, "labels")) labels[task.Name] = [.. task.Labels.Select(l => Share(byLabel, l, task.Name))];
            if (TryMember(given, out var bins, "confidence")) confidences[task.Name] = Shares(bins, ConfidenceBins, $"tasks.{task.Name}.confidence");
        }

        var lengths = TryMember(root, out var tokens, "text", "tokens") ? Shares(tokens, LengthBounds.Count + 1, "text.tokens") : [];
        var unknown = TryMember(root, out var share, "text", "unknownShare") ? Number(share, "text.unknownShare") : 0;
        var events = TryMember(root, out var count, "events") ? Number(count, "events") : 0;
        if (problems.Count > 0) throw new InvalidDataException($"reference: {string.Join(" ", problems)}");
        return new((long)events, lengths, unknown, labels, confidences);

        double Share(JsonElement byLabel, string label, string task)
        {
            if (TryMember(byLabel, out var value, label)) return Number(value, $"tasks.{task}.labels.{label}");
            problems.Add($"tasks.{task}.labels: {label} is missing.");
            return 0;
        }

        double Number(JsonElement value, string at)
        {
            if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= 0 and var number) return number;
            problems.Add($"{at}: found {value.GetRawText()}, expected a number that is not negative.");
            return 0;
        }

        IReadOnlyList<double> Shares(JsonElement array, int expected, string at)
        {
            if (array.ValueKind == JsonValueKind.Array && array.GetArrayLength() == expected)
                return [.. array.EnumerateArray().Select((v, i) => Number(v, $"{at}[{i}]"))];
            problems.Add($"{at}: expected an array of {expected} shares.");
            return [];
        }
    }

    /// <summary>The form that <see cref="Read"/> takes.</summary>
    public JsonObject Write(IReadOnlyList<ModelTask> tasks)
    {
        var byTask = new JsonObject();
        foreach (var task in tasks.Where(t => Labels.ContainsKey(t.Name)))
        {
            var labels = new JsonObject();
            for (var i = 0; i < task.Labels.Count; i++) labels[task.Labels[i]] = Math.Round(Labels[task.Name][i], 6);
            byTask[task.Name] = new JsonObject { ["labels"] = labels, ["confidence"] = Array(Confidences[task.Name]) };
        }

        return new()
        {
            ["events"] = Events,
            ["text"] = new JsonObject { ["tokens"] = Array(TextLengths), ["unknownShare"] = Math.Round(UnknownShare, 6) },
            ["tasks"] = byTask,
        };

        static JsonArray Array(IReadOnlyList<double> shares) => [.. shares.Select(s => JsonValue.Create(Math.Round(s, 6)))];
    }

    private static bool TryMember(JsonElement parent, out JsonElement value, params ReadOnlySpan<string> path)
    {
        value = parent;
        foreach (var name in path)
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value)) return false;
        }

        return true;
    }
}
