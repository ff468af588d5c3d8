using MtlStream.Delivery;

namespace MtlStream.Host.Worker;

/// <summary>Says once a minute what went on, as long as something does, and at the end what it was in all.</summary>
internal sealed class Heartbeat(EventTally tally, ITransport transport, TimeProvider time, ILogger logger)
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(1);

    private readonly long _started = time.GetTimestamp();
    private readonly Lock _lock = new();
    private EventCounts _said = EventCounts.None;
    private long _saidAt = time.GetTimestamp();
    private (EventCounts Counts, long At) _before = (EventCounts.None, time.GetTimestamp());

    public TimeSpan Since => Elapsed(_started);

    /// <summary>Events a second over the last minute or two, or since the start.</summary>
    public double Rate
    {
        get
        {
            lock (_lock) return PerSecond(tally.Counts.Since(_before.Counts), _before.At);
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping)) Beat();
        }
        catch (OperationCanceledException)
        {
            // the end is said by Total
        }
    }

    /// <summary>The totals of the run.</summary>
    public void Total()
    {
        var counts = tally.Counts;
        logger.Totals(counts.Published, counts.AllRejected, InBrackets(counts.Reasons), Elapsed(_started).ToString(@"d\.hh\:mm\:ss", null));
    }

    /// <summary>One line: nothing while nothing comes and nothing waits, a warning when all was rejected.</summary>
    internal void Beat()
    {
        var all = tally.Counts;
        var counts = all.Since(_said);
        var rate = PerSecond(counts, _saidAt);
        lock (_lock) _before = (_said, _saidAt);
        (_said, _saidAt) = (all, time.GetTimestamp());
        var lag = transport.Lags.Sum(l => l.Events);
        if (counts.All == 0 && lag == 0) return;
        if (counts.AllRejected == counts.All && counts.All > 0) logger.AllRejected(counts.All, counts.Reasons, rate, lag);
        else logger.Beat(rate, counts.Published, counts.AllRejected, InBrackets(counts.Reasons), lag);
    }

    private double PerSecond(EventCounts counts, long since) => counts.All / Math.Max(1, Elapsed(since).TotalSeconds);

    private TimeSpan Elapsed(long since) => time.GetElapsedTime(since);

    private static string InBrackets(string reasons) => reasons.Length == 0 ? "" : $" ({reasons})";
}
