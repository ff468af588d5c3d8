using MtlStream.Learning.Review;
using MtlStream.Tasks;

namespace MtlStream.Host.Review;

/// <summary>What a person may choose from.</summary>
/// <param name="Labels">Of spans their types.</param>
/// <param name="Several">Whether a text may have any number of the labels.</param>
/// <param name="Spans">Whether parts of the text are labelled.</param>
internal sealed record ReviewChoices(IReadOnlyList<string> Labels, bool Several, bool Spans = false)
{
    /// <summary>Whether people can be asked about a task.</summary>
    public static bool Has(ModelTask task) => task is TextLabelTask or TokenSpansTask;

    public static ReviewChoices Of(ModelTask task) => task is TokenSpansTask spans
        ? new(spans.Types, Several: true, Spans: true)
        : new(task.Labels, task is MultiLabelTask);

    /// <summary>What is wrong with an answer; null when nothing is.</summary>
    public string? Problem(IReadOnlyList<string> labels, string text)
    {
        if (Spans) return SpanLabel.Problem(labels, Labels, text.Length);
        if (labels.Any(l => !Labels.Contains(l))) return $"one is none of the labels {string.Join(", ", Labels)}";
        return labels.Count > 1 && !Several ? $"found {labels.Count}, expected one at most" : null;
    }
}
