using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>Accuracy on texts left out, by the number of texts learnt from, and what more of them would bring.</summary>
/// <param name="Points">Texts learnt from, and accuracy.</param>
/// <param name="MoreTexts">How many more texts the forecast is about.</param>
/// <param name="Gain">Points of accuracy that they are worth, in shares; null where the curve tells nothing.</param>
public sealed record LearningCurve(IReadOnlyList<(int Texts, double Accuracy)> Points, int MoreTexts, double? Gain)
{
    private static readonly double[] s_shares = [0.25, 0.5, 1];

    /// <summary>Trains on parts of all folds but one, and scores that one.</summary>
    public static LearningCurve Measure(
        FeatureMatrix features, LabelTargets targets, HeadOptions options, IReadOnlyList<int[]> folds, int seed, CancellationToken cancelled)
    {
        var train = folds.Skip(1).SelectMany(f => f).ToArray();
        var points = s_shares.Select(share => Point(features, targets, options, folds[0], train[..(int)(train.Length * share)], seed, cancelled)).ToList();
        var more = Math.Max(50, targets.Rows / 2);
        return new(points, more, Forecast(points, targets.Rows, more));
    }

    private static (int, double) Point(
        FeatureMatrix features, LabelTargets targets, HeadOptions options, int[] test, int[] train, int seed, CancellationToken cancelled)
    {
        var head = HeadTrainer.Train(features, targets, train, options, seed, progress: null, cancelled);
        var probabilities = Calibration.Probabilities(head.Logits(features, test), targets, temperature: 1);
        var right = 0;
        for (var i = 0; i < test.Length; i++)
        {
            var best = System.Numerics.Tensors.TensorPrimitives.IndexOfMax(probabilities.AsSpan(i * targets.Labels, targets.Labels));
            if (targets.Of(test[i]).Contains(best)) right++;
        }

        return (train.Length, (double)right / test.Length);
    }

    /// <summary>Errors fall as a power of the number of texts: a line through the last two points on logarithmic axes.</summary>
    private static double? Forecast(List<(int Texts, double Accuracy)> points, int texts, int more)
    {
        var last = points[^1];
        var before = points[^2];
        var error = 1 - last.Accuracy;
        var errorBefore = 1 - before.Accuracy;
        if (error <= 0 || errorBefore <= error || before.Texts == 0) return null;
        var slope = Math.Log(errorBefore / error) / Math.Log((double)last.Texts / before.Texts);
        var now = error * Math.Pow((double)texts / last.Texts, -slope);
        return now - (now * Math.Pow((double)(texts + more) / texts, -slope));
    }
}
