using System.Diagnostics.Metrics;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What a counter of one worker has counted.</summary>
internal sealed class Counted : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private double _sum;

    /// <param name="meters">The worker's own.</param>
    public Counted(IMeterFactory meters, string counter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == counter && instrument.Meter.Scope == meters) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, count, _, _) => Add(count));
        _listener.SetMeasurementEventCallback<double>((_, count, _, _) => Add(count));
        _listener.Start();
    }

    public double Sum
    {
        get { lock (_lock) return _sum; }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(double count)
    {
        lock (_lock) _sum += count;
    }
}

/// <summary>What an observable gauge of one worker shows.</summary>
internal sealed class Observed : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<long> _values = [];

    /// <param name="meters">The worker's own.</param>
    public Observed(IMeterFactory meters, string gauge)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == gauge && instrument.Meter.Scope == meters) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, _, _) => _values.Add(value));
        _listener.Start();
    }

    public IReadOnlyList<long> Read()
    {
        _values.Clear();
        _listener.RecordObservableInstruments();
        return [.. _values];
    }

    public void Dispose() => _listener.Dispose();
}
