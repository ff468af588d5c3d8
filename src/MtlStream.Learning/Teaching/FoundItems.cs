namespace MtlStream.Learning.Teaching;

/// <summary>A label or a span of a text that is true, given, or both.</summary>
/// <param name="Unit">Number of the label, or of the span's type.</param>
internal readonly record struct FoundItem(int Unit, bool True, bool Given);

/// <summary>F1 over texts, with the intervals of resampled texts (percentile bootstrap).</summary>
internal static class FoundItems
{
    private const int Resamples = 500;
    private const double Tail = 0.025;

    /// <param name="texts">The items of each text.</param>
    /// <param name="units">Number of labels, or of types.</param>
    /// <returns>The mean of the units' F1, of those that are true anywhere; the F1 of all items together; and that of each unit.</returns>
    public static (Estimate Macro, Estimate Micro, double[] Units) F1(IReadOnlyList<FoundItem[]> texts, int units)
    {
        var random = new Random(1);
        var (macro, micro, each) = Over(texts, units);
        var resampled = Enumerable.Range(0, Resamples)
            .Select(_ => Over(Enumerable.Range(0, texts.Count).Select(_ => texts[random.Next(texts.Count)]), units)).ToList();
        return (Interval(macro, resampled.Select(r => r.Macro)), Interval(micro, resampled.Select(r => r.Micro)), each);
    }

    /// <summary>The two without intervals.</summary>
    public static (double Macro, double Micro, double[] Units) Over(IEnumerable<FoundItem[]> texts, int units)
    {
        var tallies = new Tally[units];
        var all = default(Tally);
        foreach (var items in texts)
        {
            foreach (var item in items)
            {
                Count(ref tallies[item.Unit], item);
                Count(ref all, item);
            }
        }

        var seen = tallies.Where(t => t.True > 0).ToArray();
        return (seen.Length == 0 ? 0 : Metrics.MacroF1(seen), all.F1, [.. tallies.Select(t => t.F1)]);
    }

    private static void Count(ref Tally tally, FoundItem item)
    {
        if (item.True) tally.True++;
        if (item.Given) tally.Given++;
        if (item.True && item.Given) tally.Right++;
    }

    private static Estimate Interval(double value, IEnumerable<double> resampled)
    {
        var sorted = resampled.Order().ToList();
        return new(value, sorted[(int)(Resamples * Tail)], sorted[(int)(Resamples * (1 - Tail))]);
    }
}
