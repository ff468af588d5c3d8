using System.Diagnostics.Metrics;
using MtlStream.Diagnostics;

namespace MtlStream.Registry;

/// <summary>The instruments of the schema registry. Dashboards rely on the names: add, never rename.</summary>
internal sealed class RegistryMetrics
{
    private static readonly double[] s_seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Histogram<double> _requests;

    /// <param name="cached">Schemas kept.</param>
    /// <param name="waited">Schemas waited for.</param>
    public RegistryMetrics(IMeterFactory meters, Func<int> cached, Func<int> waited)
    {
        var meter = meters.Create(Instrumentation.Name);
        _requests = meter.CreateHistogram<double>(
            "mtlstream.registry.request.duration", "s", "Time of one request to the schema registry.", advice: new() { HistogramBucketBoundaries = s_seconds });
        meter.CreateObservableGauge("mtlstream.registry.schemas", cached, "{schema}", "Schemas kept.");
        meter.CreateObservableGauge("mtlstream.registry.waiting", waited, "{schema}", "Schemas that the registry is asked for and has not given.");
    }

    /// <param name="request"><c>get</c>, <c>find</c>, <c>latest</c>, <c>compatible</c> or <c>register</c>.</param>
    /// <param name="outcome"><c>answered</c> or <c>failed</c>.</param>
    public void Asked(string request, string outcome, TimeSpan elapsed) => _requests.Record(
        elapsed.TotalSeconds, new KeyValuePair<string, object?>("mtlstream.registry.request", request),
        new KeyValuePair<string, object?>("mtlstream.outcome", outcome));
}
