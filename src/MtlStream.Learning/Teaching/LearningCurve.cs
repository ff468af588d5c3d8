namespace MtlStream.Learning.Teaching;

/// <summary>Accuracy on texts left out, by the number of texts learnt from, and what more of them would bring.</summary>
/// <param name="Points">Texts learnt from, and accuracy.</param>
/// <param name="MoreTexts">How many more texts the forecast is about.</param>
/// <param name="Gain">Points of accuracy that they are worth, in shares; null where the curve tells nothing.</param>
public sealed record LearningCurve(IReadOnlyList<(int Texts, double Accuracy)> Points, int MoreTexts, double? Gain)
{
    private const int FewestMore = 50;

    private static readonly double[] s_shares = [0.25, 0.5];

    /// <summary>The curve of a head.</summary>
    /// <param name="texts">Number of all texts.</param>
    /// <param name="learnt">Number of those that the folds of the cross-validation learn from.</param>
    /// <param name="accuracy">What the cross-validation came to.</param>
    /// <param name="measure">The accuracy on one fold when a share of the others is learnt from.</param>
    internal static LearningCurve Of(int texts, int learnt, double accuracy, Func<double, double> measure)
    {
        List<(int Texts, double Accuracy)> points = [.. s_shares.Select(share => ((int)(learnt * share), measure(share))), (learnt, accuracy)];
        var more = Math.Max(FewestMore, texts / 2);
        return new(points, more, Forecast(points, texts, more));
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
