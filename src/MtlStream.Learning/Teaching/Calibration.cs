using System.Numerics.Tensors;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>Fits what turns a head's logits into probabilities that can be believed.</summary>
/// <remarks>Temperature scaling: Guo et al., https://arxiv.org/abs/1706.04599. Everything is fitted on texts that the head did not learn from.</remarks>
public static class Calibration
{
    private const int Bins = 15;
    private const int Searches = 40;
    private const double Coldest = 0.2;
    private const double Hottest = 10;
    private const float LeastThreshold = 0.05f;
    private const float MostThreshold = 0.95f;
    private const float ThresholdStep = 0.01f;

    /// <summary>The temperature with the least cross entropy, by golden section over its logarithm.</summary>
    /// <param name="logits">[rows, labels], row-major; row i is text <c>rows[i]</c> of <paramref name="targets"/>.</param>
    public static double Temperature(float[] logits, LabelTargets targets, IReadOnlyList<int> rows)
    {
        var ratio = (Math.Sqrt(5) - 1) / 2;
        var (low, high) = (Math.Log(Coldest), Math.Log(Hottest));
        for (var i = 0; i < Searches; i++)
        {
            var left = high - (ratio * (high - low));
            var right = low + (ratio * (high - low));
            if (Loss(left) < Loss(right)) high = right;
            else low = left;
        }

        return Math.Exp((low + high) / 2);

        double Loss(double logarithm) => CrossEntropy(Probabilities(logits, targets, Math.Exp(logarithm)), targets, rows);
    }

    /// <summary>Share of the rows whose best label is one of theirs.</summary>
    internal static double Accuracy(float[] logits, LabelTargets targets, IReadOnlyList<int> rows)
    {
        var right = 0;
        for (var row = 0; row < rows.Count; row++)
        {
            var best = TensorPrimitives.IndexOfMax(logits.AsSpan(row * targets.Labels, targets.Labels));
            if (targets.Of(rows[row]).Contains(best)) right++;
        }

        return (double)right / rows.Count;
    }

    /// <summary>Softmax, or for several labels sigmoid, of logits divided by a temperature.</summary>
    public static float[] Probabilities(float[] logits, LabelTargets targets, double temperature)
    {
        var probabilities = new float[logits.Length];
        TensorPrimitives.Divide(logits, (float)temperature, probabilities);
        if (targets.MultiLabel)
        {
            TensorPrimitives.Sigmoid(probabilities, probabilities);
            return probabilities;
        }

        for (var at = 0; at < probabilities.Length; at += targets.Labels)
        {
            var row = probabilities.AsSpan(at, targets.Labels);
            TensorPrimitives.SoftMax(row, row);
        }

        return probabilities;
    }

    /// <summary>Some rows of [rows, labels].</summary>
    internal static float[] Rows(float[] values, IReadOnlyList<int> rows, int labels)
    {
        var some = new float[rows.Count * labels];
        for (var i = 0; i < rows.Count; i++) values.AsSpan(rows[i] * labels, labels).CopyTo(some.AsSpan(i * labels));
        return some;
    }

    /// <summary>The mean gap between confidence and accuracy, over equal bins of confidence, weighted by their texts.</summary>
    public static double ExpectedError(float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows)
    {
        var confidence = new double[Bins];
        var right = new int[Bins];
        var count = new int[Bins];
        for (var row = 0; row < rows.Count; row++)
        {
            var scores = probabilities.AsSpan(row * targets.Labels, targets.Labels);
            var best = TensorPrimitives.IndexOfMax(scores);
            var bin = Math.Min(Bins - 1, (int)(scores[best] * Bins));
            confidence[bin] += scores[best];
            count[bin]++;
            if (targets.Of(rows[row]).Contains(best)) right[bin]++;
        }

        return Enumerable.Range(0, Bins).Where(b => count[b] > 0).Sum(b => Math.Abs(confidence[b] - right[b])) / rows.Count;
    }

    /// <summary>For each label of a task with several: the threshold with the highest F1.</summary>
    public static float[] Thresholds(float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows)
    {
        var thresholds = new float[targets.Labels];
        for (var label = 0; label < thresholds.Length; label++) thresholds[label] = ThresholdOf(label, probabilities, targets, rows);
        return thresholds;
    }

    private static float ThresholdOf(int label, float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows)
    {
        var best = 0.5f;
        var bestF1 = -1.0;
        for (var threshold = LeastThreshold; threshold <= MostThreshold; threshold += ThresholdStep)
        {
            var tally = new Tally();
            for (var row = 0; row < rows.Count; row++)
            {
                var given = probabilities[(row * targets.Labels) + label] >= threshold;
                var truth = targets.Of(rows[row]).Contains(label);
                tally.Given += given ? 1 : 0;
                tally.True += truth ? 1 : 0;
                tally.Right += given && truth ? 1 : 0;
            }

            if (tally.F1 <= bestF1) continue;
            bestF1 = tally.F1;
            best = threshold;
        }

        return MathF.Round(best, 4);
    }

    private static double CrossEntropy(float[] probabilities, LabelTargets targets, IReadOnlyList<int> rows)
    {
        var sum = 0.0;
        for (var row = 0; row < rows.Count; row++)
        {
            var scores = probabilities.AsSpan(row * targets.Labels, targets.Labels);
            var labels = targets.Of(rows[row]);
            if (targets.MultiLabel)
            {
                for (var label = 0; label < scores.Length; label++) sum -= SafeLog(labels.Contains(label) ? scores[label] : 1 - scores[label]);
            }
            else
            {
                sum -= SafeLog(scores[labels[0]]);
            }
        }

        return sum;
    }

    private static double SafeLog(double probability) => Math.Log(Math.Max(probability, 1e-12));
}
