namespace MtlStream.Bench;

/// <summary>Counts durations in buckets two percent wide, from 10 µs to over an hour. Thread-safe.</summary>
internal sealed class LatencyHistogram
{
    private const double FirstMs = 0.01;
    private const double Growth = 1.02;
    private const int Buckets = 1024;

    private readonly long[] _counts = new long[Buckets];

    /// <summary>How many durations there are.</summary>
    public long Count => _counts.Sum();

    public void Record(double milliseconds)
    {
        var bucket = milliseconds <= FirstMs ? 0 : (int)(Math.Log(milliseconds / FirstMs) / Math.Log(Growth)) + 1;
        Interlocked.Increment(ref _counts[Math.Min(bucket, Buckets - 1)]);
    }

    /// <summary>Milliseconds that <paramref name="share"/> of the durations stay below, within two percent; 0 when there are none.</summary>
    /// <param name="share">0 to 1.</param>
    public double Percentile(double share)
    {
        var total = _counts.Sum();
        var wanted = Math.Max(1, (long)Math.Ceiling(total * share));
        for (var (bucket, seen) = (0, 0L); bucket < Buckets; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= wanted) return Math.Round(FirstMs * Math.Pow(Growth, bucket), 3);
        }

        return 0;
    }
}
