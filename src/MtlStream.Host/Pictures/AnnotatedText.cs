using System.Text.Json;

namespace MtlStream.Host.Pictures;

/// <summary>A stretch of a text with a label.</summary>
/// <param name="Start">In UTF-16 units of the text; <paramref name="End"/> is exclusive.</param>
/// <param name="Score">Probability from 0 to 1; null where the result has none.</param>
internal sealed record LabelledRange(string Task, int Start, int End, string Label, double? Score);

/// <summary>What a task says of a whole text.</summary>
/// <param name="Label">Null for none of the task's labels.</param>
/// <param name="Given">False for a label that is known only because every label's probability was asked for.</param>
internal sealed record TextLabel(string Task, string? Label, double? Score, bool Given = true);

/// <summary>A text that a model wrote.</summary>
internal sealed record WrittenText(string Task, string Text);

/// <summary>A text and what the tasks say of it, as it is shown.</summary>
internal sealed record AnnotatedText(
    string Text, IReadOnlyList<LabelledRange> Spans, IReadOnlyList<LabelledRange> Tags, IReadOnlyList<TextLabel> Labels)
{
    /// <summary>What models wrote about it.</summary>
    public IReadOnlyList<WrittenText> Written { get; init; } = [];

    /// <summary>Most labels of a task that are shown although they were not given.</summary>
    private const int MostOthers = 4;

    /// <summary>Reads an analysis as any consumer would, from its JSON alone.</summary>
    /// <param name="analysis">The member <c>analysis</c> of schema <c>enriched-event.v1</c>.</param>
    public static AnnotatedText Of(string text, JsonElement analysis)
    {
        var (spans, tags, labels) = (new List<LabelledRange>(), new List<LabelledRange>(), new List<TextLabel>());
        var written = new List<WrittenText>();
        foreach (var task in analysis.GetProperty("tasks").EnumerateObject())
        {
            if (task.Value.TryGetProperty("spans", out var found)) spans.AddRange(found.EnumerateArray().Select(s => Range(task.Name, s)));
            else if (task.Value.TryGetProperty("tags", out var tagged)) tags.AddRange(tagged.EnumerateArray().Select(t => Range(task.Name, t)));
            else if (task.Value.TryGetProperty("experimental", out _)) written.Add(new(task.Name, task.Value.GetProperty("text").GetString()!));
            else labels.AddRange(LabelsOf(task.Name, task.Value));
        }

        return new(text, spans, tags, labels) { Written = written };
    }

    private static IEnumerable<TextLabel> LabelsOf(string task, JsonElement value)
    {
        var given = new List<TextLabel>();
        if (value.TryGetProperty("labels", out var several)) given.AddRange(several.EnumerateArray().Select(l => Label(task, l)));
        else if (value.TryGetProperty("label", out _)) given.Add(Label(task, value));
        if (!value.TryGetProperty("scores", out var scores)) return given;
        var others = scores.EnumerateObject()
            .Where(score => given.TrueForAll(g => g.Label != score.Name))
            .Select(score => new TextLabel(task, score.Name, score.Value.GetDouble(), Given: false))
            .OrderByDescending(label => label.Score)
            .Take(MostOthers);
        return given.Concat(others);
    }

    private static TextLabel Label(string task, JsonElement value) => new(task, value.GetProperty("label").GetString(), Score(value));

    private static LabelledRange Range(string task, JsonElement value) => new(
        task, value.GetProperty("start").GetInt32(), value.GetProperty("end").GetInt32(), value.GetProperty("label").GetString()!, Score(value));

    private static double? Score(JsonElement value) => value.TryGetProperty("score", out var score) ? score.GetDouble() : null;
}
