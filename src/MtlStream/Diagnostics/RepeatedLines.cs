namespace MtlStream.Diagnostics;

/// <summary>Lets one line through in half a minute, with how often it came meanwhile: floods hide what matters. Thread-safe.</summary>
public sealed class RepeatedLines(TimeProvider time)
{
    private const int MostLines = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long Logged, int Held)> _lines = [];

    /// <summary>How long a line is held back after it was let through.</summary>
    public static TimeSpan Once { get; } = TimeSpan.FromSeconds(30);

    /// <summary>True when the line may be logged now.</summary>
    /// <param name="times">How often it came since it was logged last, this time included.</param>
    public bool TryTake(string line, out int times)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_lines.TryGetValue(line, out var before) && time.GetElapsedTime(before.Logged, now) < Once)
            {
                times = before.Held + 1;
                _lines[line] = before with { Held = times };
                return false;
            }

            if (_lines.Count >= MostLines) _lines.Clear(); // texts with numbers in them never repeat
            times = before.Held + 1;
            _lines[line] = (now, 0);
            return true;
        }
    }

    /// <summary>The line, with how often it came where that was more than once.</summary>
    public static string WithCount(string line, int times) => times > 1 ? $"{line} ({times} times in {Once.TotalSeconds:0} s)" : line;
}
