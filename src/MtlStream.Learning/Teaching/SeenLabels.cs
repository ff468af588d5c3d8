using System.Numerics.Tensors;

namespace MtlStream.Learning.Teaching;

/// <summary>How often each label and each confidence came up on texts that the head did not learn from.</summary>
/// <param name="LabelShares">Of all labels given.</param>
/// <param name="ConfidenceShares">Of the texts, in ten equal bins of the best label's probability.</param>
public sealed record SeenLabels(IReadOnlyList<double> LabelShares, IReadOnlyList<double> ConfidenceShares)
{
    private const int Bins = Monitoring.ReferenceDistribution.ConfidenceBins;

    /// <param name="probabilities">[texts, labels].</param>
    /// <param name="thresholds">For a task with several labels; empty otherwise.</param>
    public static SeenLabels In(float[] probabilities, IReadOnlyList<float> thresholds, int labels)
    {
        var counts = new double[labels];
        var bins = new double[Bins];
        for (var at = 0; at < probabilities.Length; at += labels)
        {
            var scores = probabilities.AsSpan(at, labels);
            var best = TensorPrimitives.IndexOfMax(scores);
            bins[Math.Min(Bins - 1, (int)(scores[best] * Bins))]++;
            if (thresholds.Count == 0) counts[best]++;
            for (var label = 0; label < thresholds.Count; label++) counts[label] += scores[label] >= thresholds[label] ? 1 : 0;
        }

        return new(Shares(counts), Shares(bins));
    }

    private static double[] Shares(double[] counts)
    {
        var sum = Math.Max(1, counts.Sum());
        return [.. counts.Select(c => c / sum)];
    }
}
