using System.Diagnostics.Metrics;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What a counter of one worker has counted.</summary>
internal sealed class Counted : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _sum;

    /// <param name="meters">The worker's own.</param>
    public Counted(IMeterFactory meters, string counter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == counter && instrument.Meter.Scope == meters) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref _sum, count));
        _listener.Start();
    }

    public long Sum => Interlocked.Read(ref _sum);

    public void Dispose() => _listener.Dispose();
}
