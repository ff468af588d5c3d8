using System.Globalization;
using System.Text;

namespace MtlStream.Host.Lines;

/// <summary>One line on a terminal's stderr that says how far a command is. Does nothing when stderr is no terminal.</summary>
internal sealed class ProgressBar : IDisposable
{
    private const int Width = 24;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private readonly Func<(long Lines, long Rejected, double? Share)> _read;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly ITimer? _timer;

    /// <param name="read">Lines finished, those of them rejected, and the share of the input that is read; null when its size is unknown.</param>
    public ProgressBar(TimeProvider time, Func<(long Lines, long Rejected, double? Share)> read)
    {
        (_time, _read, _started) = (time, read, time.GetTimestamp());
        if (!Console.IsErrorRedirected) _timer = time.CreateTimer(_ => Draw(), null, s_interval, s_interval);
    }

    /// <summary>Clears the line and leaves a summary in its place.</summary>
    public void Dispose()
    {
        if (_timer is null) return;
        _timer.Dispose();
        var (lines, rejected, _) = _read();
        var elapsed = _time.GetElapsedTime(_started);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"\r\e[K{lines:N0} lines, {rejected:N0} rejected, {elapsed.TotalSeconds:N1} s, {lines / elapsed.TotalSeconds:N0} lines/s"));
    }

    /// <summary>The line as it is drawn.</summary>
    internal static string Render(long lines, long rejected, double? share, TimeSpan elapsed)
    {
        var text = new StringBuilder();
        if (share is { } known)
        {
            var full = (int)Math.Clamp(known * Width, 0, Width);
            text.Append('[').Append('#', full).Append('.', Width - full).Append("] ");
            text.Append(CultureInfo.InvariantCulture, $"{known:P0} ");
        }

        text.Append(CultureInfo.InvariantCulture, $"{lines:N0} lines, {rejected:N0} rejected, {lines / elapsed.TotalSeconds:N0} lines/s");
        if (share is > 0 and < 1)
        {
            var left = elapsed * ((1 / share.Value) - 1);
            text.Append(CultureInfo.InvariantCulture, $", {(long)left.TotalHours:00}:{left:mm\\:ss} left");
        }

        return text.ToString();
    }

    private void Draw()
    {
        var (lines, rejected, share) = _read();
        Console.Error.Write($"\r\e[K{Render(lines, rejected, share, _time.GetElapsedTime(_started))}");
    }
}
