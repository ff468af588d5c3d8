using System.Diagnostics.Metrics;

namespace MtlStream.Bench;

/// <summary>Collects what one of the program's own instruments records, in seconds, while it exists.</summary>
internal sealed class LatencyListener : IDisposable
{
    private readonly MeterListener _listener = new();

    public LatencyListener(string instrument, IMeterFactory meters)
    {
        _listener.InstrumentPublished = (published, listener) =>
        {
            if (published.Name == instrument && ReferenceEquals(published.Meter.Scope, meters)) listener.EnableMeasurementEvents(published);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, _, _) => Latency.Record(1000 * seconds));
        _listener.Start();
    }

    public LatencyHistogram Latency { get; } = new();

    public void Dispose() => _listener.Dispose();
}
