using System.Diagnostics.Metrics;
using MtlStream.Models;
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

    /// <summary>False when the event had no words, so that a token-level task had nothing to say.</summary>
    public bool HasAnswer { get; private set; }

    public void Take(Predictions predictions, int task, int row, ReadOnlySpan<Token> tokens)
    {
        HasAnswer = true;
        if (Task.IsTokenLevel) TakeWords(predictions.Tags(task, row), predictions.TagScores(task, row), tokens);
        else TakeText(predictions.Tasks[task], predictions.Probabilities(task, row));
        if (HasAnswer) Confidences.Add(Math.Min((int)(Confidence * ReferenceDistribution.ConfidenceBins), ReferenceDistribution.ConfidenceBins - 1));
        Labels.EventDone();
        Confidences.EventDone();
    }

    public void ClearWindow()
    {
        Labels.Clear();
        Confidences.Clear();
    }

    /// <summary>Of every label, those that were never given too: see <see cref="Diagnostics.PipelineMetrics"/>.</summary>
    public IEnumerable<Measurement<long>> LabelMeasurements()
    {
        for (var i = 0; i < _labelTags.Length; i++) yield return new(Labels.Ever[i], _labelTags[i]);
    }

    private void TakeText(ModelTask served, ReadOnlySpan<float> probabilities)
    {
        var best = LabelScores.Best(probabilities);
        Confidence = probabilities[best];
        if (served.Kind == TaskKind.MultiLabel)
        {
            for (var i = 0; i < probabilities.Length; i++)
            {
                if (probabilities[i] >= served.Thresholds[i]) Labels.Add(i);
            }

            Entropy = Math.Clamp(LabelScores.EntropyOfEach(probabilities) / probabilities.Length, 0, 1);
            return;
        }

        // A best label below the threshold is no label: the text is out of scope.
        if (served.Thresholds.Count == 0 || probabilities[best] >= served.Thresholds[0]) Labels.Add(best);
        Entropy = Math.Clamp(LabelScores.Entropy(probabilities) / Math.Log2(probabilities.Length), 0, 1);
    }

    private void TakeWords(ReadOnlySpan<int> tags, ReadOnlySpan<float> scores, ReadOnlySpan<Token> tokens)
    {
        var words = 0;
        double confidence = 0, entropy = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            if (!tokens[i].BeginsWord) continue;
            var column = i + 1; // column 0 is [CLS]
            Labels.Add(tags[column]);
            confidence += scores[column];
            entropy += OfTwo(scores[column]);
            words++;
        }

        HasAnswer = words > 0;
        if (HasAnswer) (Confidence, Entropy) = (confidence / words, entropy / words);
    }

    /// <summary>Entropy, in bits, of something that has probability p or does not happen: 0 to 1.</summary>
    private static double OfTwo(double p) => p is > 0 and < 1 ? -((p * Math.Log2(p)) + ((1 - p) * Math.Log2(1 - p))) : 0;
}
