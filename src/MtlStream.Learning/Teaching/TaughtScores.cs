using System.Numerics.Tensors;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>A label that is taken for another one.</summary>
public sealed record Confusion(string Given, string Expected, int Texts);

/// <summary>How well texts are labelled that the head did not learn from.</summary>
/// <param name="Accuracy">Share of the texts whose labels are all right.</param>
/// <param name="MacroF1">Mean F1 of the labels.</param>
/// <param name="CalibrationError">Mean gap between confidence and accuracy.</param>
public sealed record TaughtScores(int Texts, Estimate Accuracy, Estimate MacroF1, double CalibrationError, IReadOnlyList<Confusion> Confusions)
{
    private const int Resamples = 500;
    private const int MostConfusions = 10;

    /// <param name="probabilities">[rows, labels]; row i is text <c>rows[i]</c> of <paramref name="targets"/>.</param>
    /// <param name="thresholds">For a task with several labels; empty for one with a single label.</param>
    public static TaughtScores Of(
        float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows, IReadOnlyList<string> labels, IReadOnlyList<float> thresholds)
    {
        var answers = rows.Select((row, i) => (True: targets.Of(row), Given: Given(probabilities.AsSpan(i * targets.Labels, targets.Labels), thresholds))).ToList();
        var right = answers.Count(a => a.True.Order().SequenceEqual(a.Given));
        return new(
            rows.Count, Intervals.Wilson((double)right / rows.Count, rows.Count), MacroF1Of(answers, targets.Labels),
            Calibration.ExpectedError(probabilities, targets, rows), ConfusionsOf(answers, labels));
    }

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

    /// <summary>The interval is that of resampled texts (percentile bootstrap).</summary>
    private static Estimate MacroF1Of(List<(IReadOnlyList<int> True, int[] Given)> answers, int labels)
    {
        var random = new Random(1);
        var resampled = Enumerable.Range(0, Resamples)
            .Select(_ => MacroF1Over(Enumerable.Range(0, answers.Count).Select(_ => answers[random.Next(answers.Count)]), labels))
            .Order().ToList();
        return new(MacroF1Over(answers, labels), resampled[(int)(Resamples * 0.025)], resampled[(int)(Resamples * 0.975)]);
    }

    private static double MacroF1Over(IEnumerable<(IReadOnlyList<int> True, int[] Given)> answers, int labels)
    {
        var tallies = new Tally[labels];
        foreach (var (truth, given) in answers)
        {
            foreach (var label in truth) tallies[label].True++;
            foreach (var label in given)
            {
                tallies[label].Given++;
                if (truth.Contains(label)) tallies[label].Right++;
            }
        }

        var seen = tallies.Where(t => t.True > 0).ToArray();
        return seen.Length == 0 ? 0 : Metrics.MacroF1(seen);
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
