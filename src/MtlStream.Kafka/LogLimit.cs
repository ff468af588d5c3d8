namespace MtlStream.Kafka;

/// <summary>Keeps a trouble that lasts from filling the log: one line at once, the next when it changes or after a while.</summary>
internal sealed class LogLimit(TimeProvider time)
{
    private static readonly TimeSpan s_changed = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_same = TimeSpan.FromSeconds(30);

    private string _last = "";
    private long _logged;

    /// <summary>True between a trouble and <see cref="Over"/>.</summary>
    public bool Troubled => _last.Length > 0;

    /// <summary>True when this trouble is to be logged now.</summary>
    public bool IsDue(string trouble)
    {
        var since = time.GetElapsedTime(_logged);
        if (_last.Length > 0 && since < (trouble == _last ? s_same : s_changed)) return false;
        _last = trouble;
        _logged = time.GetTimestamp();
        return true;
    }

    public void Over() => _last = "";
}
