using System.Diagnostics.Metrics;
using MtlStream.Diagnostics;

namespace MtlStream.Learning.Review;

/// <summary>The quality on the stream as a metric, for whoever keeps an <see cref="AnswerBook"/> up to date.</summary>
public sealed class QualityMetrics
{
    private volatile IReadOnlyList<StreamQuality> _known = [];

    public QualityMetrics(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        var meter = meters.Create(Instrumentation.Name);
        meter.CreateObservableGauge("mtlstream.task.quality", Shares, "1", "Share of the stream's texts whose labels are right, estimated from answers to copies for review.");
        meter.CreateObservableGauge("mtlstream.task.quality.answers", Answers, "{answer}", "Questions that the estimate of the quality rests on.");
    }

    /// <summary>What is told from now on.</summary>
    public IReadOnlyList<StreamQuality> Known
    {
        get => _known;
        set => _known = value;
    }

    private IEnumerable<Measurement<double>> Shares() => _known.SelectMany(q => new Measurement<double>[]
    {
        new(q.Accuracy.Value, Task(q), Of("value")),
        new(q.Accuracy.Low, Task(q), Of("low")),
        new(q.Accuracy.High, Task(q), Of("high")),
    });

    private IEnumerable<Measurement<long>> Answers() => _known.Select(q => new Measurement<long>(q.Answered, Task(q)));

    private static KeyValuePair<string, object?> Task(StreamQuality quality) => new("mtlstream.task", quality.Task);

    private static KeyValuePair<string, object?> Of(string bound) => new("mtlstream.quality.of", bound);
}
