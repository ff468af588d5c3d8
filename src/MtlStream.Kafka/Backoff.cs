namespace MtlStream.Kafka;

/// <summary>How long to wait before what failed is tried again, and when trying brings nothing. For one thread.</summary>
internal sealed class Backoff(TimeProvider time)
{
    /// <summary>Tries in a row without progress after which the run ends; they take more than a minute.</summary>
    public const int MostRounds = 20;

    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    private long _failed;
    private TimeSpan _wait;
    private int _counted;

    /// <summary>True when it may be tried again. The first time it is tried at once.</summary>
    public bool IsOver => time.GetElapsedTime(_failed) >= _wait;

    /// <summary>True when it was tried in vain too often.</summary>
    public bool InVain => _counted >= MostRounds;

    /// <param name="progressed">Something was done since it failed before.</param>
    /// <param name="counts">The brokers have answered, so that trying for ever would not help.</param>
    public void Failed(bool progressed, bool counts)
    {
        var longer = _wait == TimeSpan.Zero ? s_first : 2 * _wait;
        var again = _failed != 0 && !progressed;
        _wait = !again ? TimeSpan.Zero : longer < s_longest ? longer : s_longest;
        _counted = progressed ? 0 : counts ? _counted + 1 : _counted;
        _failed = time.GetTimestamp();
    }
}
