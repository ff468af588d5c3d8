using MtlStream.Bench;

namespace MtlStream.Tests.Bench;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_within_two_percent()
    {
        var histogram = new LatencyHistogram();
        foreach (var milliseconds in Enumerable.Range(1, 10_000)) histogram.Record(milliseconds / 10d);

        Assert.InRange(histogram.Percentile(0.5), 500 * 0.98, 500 * 1.02);
        Assert.InRange(histogram.Percentile(0.99), 990 * 0.98, 990 * 1.02);
        Assert.Equal(0, new LatencyHistogram().Percentile(0.5));
    }
}
