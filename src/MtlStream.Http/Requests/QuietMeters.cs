using System.Diagnostics.Metrics;

namespace MtlStream.Http.Requests;

/// <summary>Meters that nobody listens to: what the stream's pipeline counts is the stream's, and requests have metrics of their own.</summary>
internal sealed class QuietMeters : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
#pragma warning disable RS0030 // this is a factory
        var meter = new Meter(new MeterOptions("Requests." + options.Name) { Scope = this });
#pragma warning restore RS0030
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        foreach (var meter in _meters) meter.Dispose();
    }
}
