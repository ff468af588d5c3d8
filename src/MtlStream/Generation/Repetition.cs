namespace MtlStream.Generation;

/// <summary>Tells a text that goes round in circles.</summary>
internal static class Repetition
{
    private const int LongestPeriod = 32; // tokens
    private const int LeastTimes = 4;
    private const int LeastTokens = 16; // "ha ha ha ha" is a text

    /// <summary>How many tokens are left when the circles at the end are cut to one; -1 where there are none.</summary>
    public static int CutAt(ReadOnlySpan<int> tokens)
    {
        for (var period = 1; period <= LongestPeriod && period * LeastTimes <= tokens.Length; period++)
        {
            var times = Math.Max(LeastTimes, (LeastTokens + period - 1) / period);
            if (times * period > tokens.Length) continue;
            var circles = tokens[^(times * period)..];
            if (circles[period..].SequenceEqual(circles[..^period])) return tokens.Length - ((times - 1) * period);
        }

        return -1;
    }
}
