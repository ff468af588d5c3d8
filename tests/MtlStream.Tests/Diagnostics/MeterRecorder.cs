using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace MtlStream.Tests.Diagnostics;

/// <summary>One measurement as it was taken.</summary>
internal sealed record Taken(Instrument Instrument, double Value, IReadOnlyDictionary<string, object?> Tags)
{
    public string Name => Instrument.Name;
}

/// <summary>Keeps every measurement of the meters that one factory makes.</summary>
internal sealed class MeterRecorder : IMeterFactory
{
    private readonly ConcurrentDictionary<Meter, bool> _meters = [];
    private readonly MeterListener _listener;

    public MeterRecorder()
    {
        _listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (!_meters.ContainsKey(instrument.Meter)) return;
                Instruments.Add(instrument);
                listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    public ConcurrentBag<Instrument> Instruments { get; } = [];
    public ConcurrentQueue<Taken> All { get; } = [];

    /// <summary>Measurements of one instrument, the observable ones read now.</summary>
    public IReadOnlyList<Taken> Of(string name)
    {
        _listener.RecordObservableInstruments();
        return [.. All.Where(t => t.Name == name)];
    }

    /// <summary>The newest value of an instrument with this tag value; fails when there is none.</summary>
    public double Last(string name, string tag, string value) => Of(name).Last(t => Equals(t.Tags.GetValueOrDefault(tag), value)).Value;

    public Meter Create(MeterOptions options)
    {
#pragma warning disable RS0030
        var meter = new Meter(options);
#pragma warning restore RS0030
        _meters[meter] = true;
        return meter;
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var meter in _meters.Keys) meter.Dispose();
    }

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        All.Enqueue(new(instrument, value, tags.ToArray().ToDictionary(t => t.Key, t => t.Value)));
}
