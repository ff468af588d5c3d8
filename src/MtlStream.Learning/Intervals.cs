namespace MtlStream.Learning;

/// <summary>A share and the interval in which it lies with 95 % confidence.</summary>
public sealed record Estimate(double Value, double Low, double High);

/// <summary>Intervals of shares.</summary>
public static class Intervals
{
    private const double Normal95 = 1.959964;

    /// <summary>Wilson's interval: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval.</summary>
    /// <param name="share">From 0 to 1.</param>
    /// <param name="observations">How many it rests on; with weights, how many of equal weight would tell as much. Above zero.</param>
    public static Estimate Wilson(double share, double observations)
    {
        var square = Normal95 * Normal95;
        var middle = (share + (square / (2 * observations))) / (1 + (square / observations));
        var spread = (share * (1 - share) / observations) + (square / (4 * observations * observations));
        var half = Normal95 / (1 + (square / observations)) * Math.Sqrt(spread);
        return new(share, Math.Max(0, middle - half), Math.Min(1, middle + half));
    }
}
