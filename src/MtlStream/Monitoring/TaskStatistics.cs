using System.Diagnostics.Metrics;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Monitoring;

/// <summary>What the watch knows of one task. Not thread-safe.</summary>
internal sealed class TaskStatistics : ILabelCounts
{
    private readonly KeyValuePair<string, object?>[][] _labelTags;
    private readonly HashSet<int> _given = []; // labels of the event taken last

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
        _given.Clear();
        var observed = served.Observe(values, tokens, this);
        HasAnswer = observed is not null;
        (Confidence, Entropy) = observed ?? default;
        if (HasAnswer) Confidences.Add(ConfidenceBin);
        Labels.EventDone();
        Confidences.EventDone();
    }

    void ILabelCounts.Add(int label)
    {
        _given.Add(label);
        Labels.Add(label);
    }

    /// <summary>True when a label or the confidence of the event taken last has become more common than in the reference.</summary>
    public bool IsDrifted(ReferenceDistribution reference)
    {
        if (reference.Labels.TryGetValue(Task.Name, out var labels) && _given.Any(label => Labels.IsMoreCommon(labels, label))) return true;
        return HasAnswer && reference.Confidences.TryGetValue(Task.Name, out var bins) && Confidences.IsMoreCommon(bins, ConfidenceBin);
    }

    /// <summary>The task was silent about the event.</summary>
    public void Skip()
    {
        _given.Clear();
        HasAnswer = false;
    }

    public void ClearWindow()
    {
        Labels.Clear();
        Confidences.Clear();
    }

    private int ConfidenceBin => Math.Min((int)(Confidence * ReferenceDistribution.ConfidenceBins), ReferenceDistribution.ConfidenceBins - 1);

    /// <summary>Of every label, those that were never given too: see <see cref="PipelineMetrics"/>.</summary>
    public IEnumerable<Measurement<long>> LabelMeasurements()
    {
        for (var i = 0; i < _labelTags.Length; i++) yield return new(Labels.Ever[i], _labelTags[i]);
    }
}
