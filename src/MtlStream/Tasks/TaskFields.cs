using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Tasks;

/// <summary>One task of a manifest, as its kind reads it. What is wrong is collected, see <see cref="JsonFields"/>.</summary>
/// <param name="at">Where the task is in the manifest, such as <c>tasks[0] (sentiment)</c>.</param>
public sealed class TaskFields(JsonFields fields, JsonElement task, string at, string name)
{
    public string Name { get; } = name;

    public void Problem(string member, string what) => fields.Problem($"{at}.{member}", what);

    /// <summary>Labels in logit order, each once.</summary>
    /// <param name="least">Fewest that make sense.</param>
    public IReadOnlyList<string> Labels(int least)
    {
        var array = fields.Member(task, at, "labels", JsonValueKind.Array);
        if (array.ValueKind != JsonValueKind.Array) return [];
        var labels = new List<string>();
        foreach (var label in array.EnumerateArray())
        {
            if (label.ValueKind == JsonValueKind.String) labels.Add(label.GetString()!);
            else Problem($"labels[{labels.Count}]", $"found {JsonFields.Describe(label)}, expected a string");
        }

        if (labels.Count < least) Problem("labels", $"found {labels.Count}, expected at least {least}");
        foreach (var twice in labels.GroupBy(l => l).Where(g => g.Count() > 1))
            Problem("labels", $"found \"{twice.Key}\" {twice.Count()} times, expected it once");
        return labels;
    }

    /// <summary>The member <c>threshold</c>; null where the best label always holds.</summary>
    public float? Threshold() =>
        JsonFields.Optional(task, "threshold") is { } value ? fields.Share(value, $"{at}.threshold") : null;

    /// <summary>The member <c>thresholds</c>, one for each label.</summary>
    public IReadOnlyList<float> Thresholds(int labels)
    {
        var array = fields.Member(task, at, "thresholds", JsonValueKind.Array);
        if (array.ValueKind != JsonValueKind.Array) return [];
        if (array.GetArrayLength() != labels)
            Problem("thresholds", $"found {array.GetArrayLength()} for {labels} labels, expected one for each");
        var thresholds = new List<float>();
        foreach (var value in array.EnumerateArray()) thresholds.Add(fields.Share(value, $"{at}.thresholds[{thresholds.Count}]"));
        return thresholds;
    }

    /// <summary>A number of the task's own.</summary>
    public float Number(string member, float without) => (float)fields.Number(task, at, member, without);

    /// <summary>An optional member that is one of some words.</summary>
    /// <param name="words">The first one is what it is where it is left out.</param>
    public string OneOf(string member, params ReadOnlySpan<string> words)
    {
        if (JsonFields.Optional(task, member) is not { } value) return words[0];
        if (value.ValueKind == JsonValueKind.String && words.Contains(value.GetString()!)) return value.GetString()!;
        Problem(member, $"found {JsonFields.Describe(value)}, expected {string.Join(" or ", words!)}");
        return words[0];
    }

    /// <summary>A whole number of the task's own, such as the width of a vector.</summary>
    public int WholeNumber(string member, int least, int most) => fields.WholeNumber(task, at, member, least, most);
}
