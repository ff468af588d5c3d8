using System.Diagnostics.Metrics;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What a counter of one worker has counted.</summary>
internal sealed class Counted : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly string? _tag;
    private double _sum;

    /// <param name="meters">The worker's own.</param>
    /// <param name="tag">Counts only what has it; null for everything.</param>
    public Counted(IMeterFactory meters, string counter, string? tag = null)
    {
        _tag = tag;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == counter && instrument.Meter.Scope == meters) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, count, tags, _) => Add(count, tags));
        _listener.SetMeasurementEventCallback<double>((_, count, tags, _) => Add(count, tags));
        _listener.Start();
    }

    public double Sum
    {
        get { lock (_lock) return _sum; }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(double count, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (_tag is not null && !tags.ToArray().Any(t => t.Key == _tag)) return;
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
