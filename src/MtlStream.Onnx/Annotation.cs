using System.Text.Json;

namespace MtlStream.Onnx;

/// <summary>A label and its probability.</summary>
public sealed record LabelScore(string Label, double Score);

/// <summary>A stretch of a text and its label; offsets are UTF-16 units, the end is behind the last one.</summary>
public sealed record LabelledRange(int Start, int End, string Text, string Label, double Score);

/// <summary>What a model says of one text.</summary>
/// <param name="Text">As it was given.</param>
/// <param name="Tasks">The object <c>analysis.tasks</c> of <c>schemas/enriched-event.v1.json</c>; null where the text was rejected.</param>
/// <param name="Rejected">Why there is no answer, such as <c>empty_text: ...</c>; null where there is one.</param>
public sealed record Annotation(string Text, JsonElement? Tasks, string? Rejected)
{
    /// <summary>The answer of a task as JSON.</summary>
    /// <exception cref="InvalidOperationException">The text was rejected.</exception>
    /// <exception cref="KeyNotFoundException">The model has no such task.</exception>
    public JsonElement this[string task]
    {
        get
        {
            if (Tasks is not { } tasks) throw new InvalidOperationException($"The text was rejected: {Rejected}");
            return tasks.TryGetProperty(task, out var answer)
                ? answer
                : throw new KeyNotFoundException($"No task '{task}'; there are {string.Join(", ", tasks.EnumerateObject().Select(t => t.Name))}.");
        }
    }

    /// <summary>The label of a task that gives one; null where it says that none fits.</summary>
    /// <exception cref="InvalidOperationException">The text was rejected, or the task gives something else.</exception>
    /// <exception cref="KeyNotFoundException">The model has no such task.</exception>
    public string? Label(string task) => Member(task, "label").GetString();

    /// <summary>The labels of a task that gives any number of them, best first.</summary>
    /// <inheritdoc cref="Label"/>
    public IReadOnlyList<LabelScore> Labels(string task) =>
        [.. Member(task, "labels").EnumerateArray().Select(l => new LabelScore(LabelOf(l), ScoreOf(l)))];

    /// <summary>The stretches that a task finds, such as names, in their order.</summary>
    /// <inheritdoc cref="Label"/>
    public IReadOnlyList<LabelledRange> Spans(string task) => Ranges(Member(task, "spans"));

    /// <summary>The words and what a task says of each.</summary>
    /// <inheritdoc cref="Label"/>
    public IReadOnlyList<LabelledRange> Tags(string task) => Ranges(Member(task, "tags"));

    private JsonElement Member(string task, string member)
    {
        var answer = this[task];
        return answer.TryGetProperty(member, out var value)
            ? value
            : throw new InvalidOperationException($"Task '{task}' has no {member}; it gives {string.Join(", ", answer.EnumerateObject().Select(m => m.Name))}.");
    }

    private LabelledRange[] Ranges(JsonElement ranges) => [.. ranges.EnumerateArray().Select(Range)];

    private LabelledRange Range(JsonElement range)
    {
        var (start, end) = (range.GetProperty("start").GetInt32(), range.GetProperty("end").GetInt32());
        return new(start, end, Text[start..end], LabelOf(range), ScoreOf(range));
    }

    private static string LabelOf(JsonElement labelled) => labelled.GetProperty("label").GetString()!;

    private static double ScoreOf(JsonElement labelled) => labelled.GetProperty("score").GetDouble();
}
