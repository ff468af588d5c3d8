namespace MtlStream.Bench;

/// <summary>Counts events and says how fast they come. Thread-safe.</summary>
internal sealed class RateMeter(TimeProvider time)
{
    private static readonly TimeSpan s_sample = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly List<(double Seconds, long Count, long Allocated, TimeSpan Cpu)> _samples = [];
    private long _count;

    public long Count => Interlocked.Read(ref _count);

    /// <summary>The count every 20 ms since the first event.</summary>
    public IEnumerable<(double Seconds, long Count)> Samples => _samples.Select(s => (s.Seconds, s.Count));

    public void Add(long events = 1) => Interlocked.Add(ref _count, events);

    /// <summary>Watches until so many events have come.</summary>
    /// <param name="work">What brings them; when it ends before, so does the wait.</param>
    /// <exception cref="TimeoutException">Nothing came for a minute.</exception>
    /// <exception cref="IOException">The work ended too early.</exception>
    public async Task WatchAsync(long until, Task work, CancellationToken stopping)
    {
        var (first, last, since) = (0L, 0L, time.GetTimestamp());
        while (true)
        {
            var count = Count;
            if (count != last) (last, since) = (count, time.GetTimestamp());
            if (count > 0)
            {
                if (_samples.Count == 0) first = time.GetTimestamp();
                _samples.Add((time.GetElapsedTime(first).TotalSeconds, count, GC.GetTotalAllocatedBytes(), Environment.CpuUsage.TotalTime));
            }

            if (count >= until) return;
            if (work.IsCompleted)
            {
                await work;
                throw new IOException($"the run ended after {count} of {until} events.");
            }

            if (time.GetElapsedTime(since) > s_patience) throw new TimeoutException($"nothing came back for {s_patience.TotalSeconds} s, after {count} of {until} events.");
            await Task.Delay(s_sample, time, stopping);
        }
    }

    /// <summary>Bytes allocated on the managed heap for each event of the second half: by then as many events enter as leave.</summary>
    public double AllocatedPerEvent()
    {
        var (middle, end) = (_samples[_samples.Count / 2], _samples[^1]);
        return (end.Allocated - middle.Allocated) / (double)Math.Max(1, end.Count - middle.Count);
    }

    /// <summary>Processor time of the process, in microseconds, for each event of the second half.</summary>
    public double CpuMicrosecondsPerEvent()
    {
        var (middle, end) = (_samples[_samples.Count / 2], _samples[^1]);
        return (end.Cpu - middle.Cpu).TotalMicroseconds / Math.Max(1, end.Count - middle.Count);
    }

    /// <summary>Events per second: the slope of the line through the samples, which commits in bursts do not bend.</summary>
    public double EventsPerSecond() => Slope([.. Samples]);

    internal static double Slope(IReadOnlyList<(double Seconds, long Count)> samples)
    {
        var (meanTime, meanCount) = (samples.Average(s => s.Seconds), samples.Average(s => s.Count));
        var spread = samples.Sum(s => (s.Seconds - meanTime) * (s.Seconds - meanTime));
        return spread > 0 ? samples.Sum(s => (s.Seconds - meanTime) * (s.Count - meanCount)) / spread : double.NaN;
    }
}
