using System.Numerics.Tensors;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>A label that is taken for another one.</summary>
public sealed record Confusion(string Given, string Expected, int Texts);

/// <summary>How well texts are labelled that the head did not learn from.</summary>
/// <param name="Accuracy">Share of the texts whose labels are all right.</param>
/// <param name="MacroF1">Mean F1 of the labels.</param>
/// <param name="CalibrationError">Mean gap between confidence and accuracy.</param>
/// <param name="Labels">Each label's F1, or each type's of spans.</param>
/// <param name="SpanF1">F1 of all spans together; null where there are none.</param>
public sealed record TaughtScores(
    int Texts, Estimate Accuracy, Estimate MacroF1, double CalibrationError, IReadOnlyList<Confusion> Confusions,
    IReadOnlyList<LabelScore> Labels, Estimate? SpanF1 = null)
{
    internal const int MostConfusions = 10;

    /// <param name="probabilities">[rows, labels]; row i is text <c>rows[i]</c> of <paramref name="targets"/>.</param>
    /// <param name="thresholds">For a task with several labels; empty for one with a single label.</param>
    public static TaughtScores Of(
        float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows, IReadOnlyList<string> labels, IReadOnlyList<float> thresholds)
    {
        var answers = Answers(probabilities, targets, rows, thresholds);
        var right = answers.Count(a => a.True.Order().SequenceEqual(a.Given));
        var (macro, _, each) = FoundItems.F1([.. answers.Select(a => ItemsOf(a.True, a.Given))], targets.Labels);
        return new(
            rows.Count, Intervals.Wilson((double)right / rows.Count, rows.Count), macro, Calibration.ExpectedError(probabilities, targets, rows), ConfusionsOf(answers, labels),
            [.. labels.Zip(each, (label, f1) => new LabelScore(label, Math.Round(f1, 5)))]);
    }

    /// <summary>Mean F1 of the labels alone.</summary>
    internal static double MacroF1Of(float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows, IReadOnlyList<float> thresholds) =>
        FoundItems.Over(Answers(probabilities, targets, rows, thresholds).Select(a => ItemsOf(a.True, a.Given)), targets.Labels).Macro;

    private static List<(IReadOnlyList<int> True, int[] Given)> Answers(
        float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows, IReadOnlyList<float> thresholds) =>
        [.. rows.Select((row, i) => (targets.Of(row), Given(probabilities.AsSpan(i * targets.Labels, targets.Labels), thresholds)))];

    private static FoundItem[] ItemsOf(IReadOnlyList<int> truth, int[] given) =>
        [.. truth.Union(given).Select(label => new FoundItem(label, truth.Contains(label), given.Contains(label)))];

    private static int[] Given(ReadOnlySpan<float> scores, IReadOnlyList<float> thresholds)
    {
        if (thresholds.Count == 0) return [TensorPrimitives.IndexOfMax(scores)];
        var given = new List<int>();
        for (var label = 0; label < scores.Length; label++)
        {
            if (scores[label] >= thresholds[label]) given.Add(label);
        }

        return [.. given];
    }

    private static List<Confusion> ConfusionsOf(List<(IReadOnlyList<int> True, int[] Given)> answers, IReadOnlyList<string> labels)
    {
        var wrong =
            from answer in answers
            where answer.True.Count == 1 && answer.Given.Length == 1 && answer.True[0] != answer.Given[0]
            group answer by (Given: answer.Given[0], True: answer.True[0]) into pair
            orderby pair.Count() descending
            select new Confusion(labels[pair.Key.Given], labels[pair.Key.True], pair.Count());
        return [.. wrong.Take(MostConfusions)];
    }
}
