namespace MtlStream.Kafka;

/// <summary>What the marks of a dead-letter topic say: which letters were replayed, and when.</summary>
internal sealed class ReplayedLetters
{
    private readonly Dictionary<int, List<(long First, long Last, long Time)>> _ranges = [];

    /// <param name="time">When it was written, milliseconds since the Unix epoch.</param>
    public void Add(int partition, ReplayMark mark, long time)
    {
        if (!_ranges.TryGetValue(partition, out var ranges)) _ranges[partition] = ranges = [];
        foreach (var (first, last) in mark.Offsets) ranges.Add((first, last, time));
    }

    /// <summary>When the letter was replayed last, milliseconds since the Unix epoch; null when it was not.</summary>
    public long? TimeOf(int partition, long offset)
    {
        if (!_ranges.TryGetValue(partition, out var ranges)) return null;
        long? latest = null;
        foreach (var (first, last, time) in ranges)
            if (first <= offset && offset <= last) latest = Math.Max(latest ?? time, time);
        return latest;
    }
}
