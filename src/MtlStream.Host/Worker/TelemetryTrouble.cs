using System.Diagnostics.Tracing;

namespace MtlStream.Host.Worker;

/// <summary>Warns once an hour at most that telemetry cannot be sent: the SDK says it to its event source alone.</summary>
internal sealed class TelemetryTrouble : EventListener
{
    private const string Source = "OpenTelemetry-Exporter-OpenTelemetryProtocol";

    private static readonly TimeSpan s_again = TimeSpan.FromHours(1);

    private readonly TimeProvider _time;
    private readonly ILogger<TelemetryTrouble> _logger;
    private readonly Lock _lock = new();
    private long? _said;

    public TelemetryTrouble(TimeProvider time, ILogger<TelemetryTrouble> logger)
    {
        (_time, _logger) = (time, logger);
        // Sources that were there before this object could not be chosen by the base class, which does it before the fields are set.
        foreach (var source in EventSource.GetSources()) Choose(source);
    }

    protected override void OnEventSourceCreated(EventSource eventSource) => Choose(eventSource);

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.Level > EventLevel.Warning || _logger is null || !IsDue()) return;
        _logger.TelemetryLost(Reason(eventData));
    }

    private void Choose(EventSource source)
    {
        if (source.Name == Source) EnableEvents(source, EventLevel.Warning);
    }

    private bool IsDue()
    {
        lock (_lock)
        {
            if (_said is { } said && _time.GetElapsedTime(said) < s_again) return false;
            _said = _time.GetTimestamp();
            return true;
        }
    }

    /// <summary>The first line of the exception where there is one, else the message.</summary>
    private static string Reason(EventWrittenEventArgs written)
    {
        var values = written.Payload?.Select(p => p?.ToString() ?? "").ToList() ?? [];
        var exception = values.FirstOrDefault(v => v.Contains("Exception: ", StringComparison.Ordinal));
        if (exception is null) return string.Format(null, written.Message ?? written.EventName ?? "", [.. values]).TrimEnd('.');
        var line = exception.Split('\n')[0].Trim();
        return line[(line.IndexOf("Exception: ", StringComparison.Ordinal) + "Exception: ".Length)..].TrimEnd('.');
    }
}
