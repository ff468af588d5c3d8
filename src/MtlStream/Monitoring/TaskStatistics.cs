using System.Diagnostics.Metrics;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Monitoring;

/// <summary>What the watch knows of one task. Not thread-safe.</summary>
internal sealed class TaskStatistics
{
    private readonly KeyValuePair<string, object?>[][] _labelTags;

    public TaskStatistics(ModelTask task, WatchOptions options)
    {
        Task = task;
        Tag = new("mtlstream.task", task.Name);
        _labelTags = [.. task.Labels.Select(l => new KeyValuePair<string, object?>[] { Tag, new("mtlstream.label", l) })];
        Labels = new(task.Labels.Count, options.DriftWindow);
        Confidences = new(ReferenceDistribution.ConfidenceBins, options.DriftWindow);
        LowBelow = options.LowConfidenceOf.GetValueOrDefault(task.Name, options.LowConfidence);
        ReviewBelow = options.Review.GetValueOrDefault(task.Name, 0);
    }

    public ModelTask Task { get; }
    public KeyValuePair<string, object?> Tag { get; }
    public double LowBelow { get; }
    public double ReviewBelow { get; }
    public SlidingCounts Labels { get; }
    public SlidingCounts Confidences { get; }

    /// <summary>Of the event taken last. Confidence and entropy are shares.</summary>
    public double Confidence { get; private set; }
    public double Entropy { get; private set; }

    /// <summary>False when the task had nothing to say about the event, such as one about words that it has none of.</summary>
    public bool HasAnswer { get; private set; }

    public void Take(ModelTask served, TaskValues values, TokenizedText tokens)
    {
        var observed = served.Observe(values, tokens, Labels);
        HasAnswer = observed is not null;
        (Confidence, Entropy) = observed ?? default;
        if (HasAnswer) Confidences.Add(Math.Min((int)(Confidence * ReferenceDistribution.ConfidenceBins), ReferenceDistribution.ConfidenceBins - 1));
        Labels.EventDone();
        Confidences.EventDone();
    }

    public void ClearWindow()
    {
        Labels.Clear();
        Confidences.Clear();
    }

    /// <summary>Of every label, those that were never given too: see <see cref="PipelineMetrics"/>.</summary>
    public IEnumerable<Measurement<long>> LabelMeasurements()
    {
        for (var i = 0; i < _labelTags.Length; i++) yield return new(Labels.Ever[i], _labelTags[i]);
    }
}
