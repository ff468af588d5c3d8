using System.Diagnostics.Metrics;
using MtlStream.Diagnostics;

namespace MtlStream.Http.Requests;

/// <summary>How texts of requests ended.</summary>
internal enum TextOutcome
{
    /// <summary>With a result.</summary>
    Answered,

    /// <summary>The event cannot be analysed.</summary>
    Rejected,

    /// <summary>There was no room.</summary>
    Refused,

    /// <summary>Who asked went away.</summary>
    CalledOff,

    /// <summary>It took longer than a request may.</summary>
    TimedOut,
}

/// <summary>What is measured of requests.</summary>
internal sealed class RequestMetrics
{
    private static readonly double[] s_seconds = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    private static readonly string[] s_outcomes = ["answered", "rejected", "refused", "called_off", "timed_out"];

    private readonly Histogram<double> _duration;
    private readonly Counter<long> _texts;
    private Func<int>? _waiting;
    private Func<double>? _taken;

    public RequestMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Instrumentation.Name + ".Http");
        _duration = meter.CreateHistogram<double>(
            "http.server.request.duration", "s", "From a request's headers to the end of its answer.", advice: new() { HistogramBucketBoundaries = s_seconds });
        _texts = meter.CreateCounter<long>("mtlstream.http.texts", "{text}", "Texts of requests, by how they ended.");
        meter.CreateObservableGauge("mtlstream.http.waiting", () => _waiting?.Invoke() ?? 0, "{text}", "Texts of requests that wait or are worked on.");
        meter.CreateObservableCounter("mtlstream.http.model.time", () => _taken?.Invoke() ?? 0, "s", "Time of the model's workers that requests took.");
        foreach (var outcome in Enum.GetValues<TextOutcome>()) Texts(0, outcome);
    }

    /// <summary>What is asked for at the time of observing.</summary>
    public void Observe(Func<int> waiting, Func<double> taken) => (_waiting, _taken) = (waiting, taken);

    public void Texts(int count, TextOutcome outcome) => _texts.Add(count, new KeyValuePair<string, object?>("mtlstream.outcome", s_outcomes[(int)outcome]));

    public void Request(string method, string route, int status, TimeSpan elapsed) => _duration.Record(
        elapsed.TotalSeconds,
        new KeyValuePair<string, object?>("http.request.method", method),
        new KeyValuePair<string, object?>("http.route", route),
        new KeyValuePair<string, object?>("http.response.status_code", status));
}
