using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>One label for the text: the likeliest one, or none when its score is below the threshold.</summary>
/// <param name="threshold">Below it the text is out of scope; null where the best label always holds.</param>
public sealed class SingleLabelTask(string name, IReadOnlyList<string> labels, float? threshold = null)
    : TextLabelTask(name, Definition.Name, labels)
{
    public static TaskKind Definition { get; } = new(
        "single_label", Probabilities, fields => new SingleLabelTask(fields.Name, fields.Labels(least: 2), fields.Threshold()))
    {
        Members = ["labels"],
    };

    public override IReadOnlyList<float> Thresholds { get; } = threshold is { } least ? [least] : [];

    public override ModelTask WithThresholds(IReadOnlyList<GivenThreshold> thresholds) =>
        thresholds.Count == 0 ? this : new SingleLabelTask(Name, Labels, thresholds[^1].Value);

    public override string? Refusal(GivenThreshold threshold) =>
        threshold.Label is null ? null : $"a text has one label of this task, expected Model:Thresholds:{Name} for all of them.";

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text)
    {
        var label = GivenLabel(values.Floats(), out _);
        return [label < 0 ? "" : Labels[label]];
    }

    /// <summary>Index of the label that is given; -1 for a text out of scope.</summary>
    public int LabelOf(TaskValues values) => GivenLabel(values.Floats(), out _);

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts)
    {
        var probabilities = values.Floats();
        var label = GivenLabel(probabilities, out var score);
        if (label >= 0) counts.Add(label);
        var entropy = LabelScores.Entropy(probabilities) / Math.Log2(probabilities.Length);
        return new(score, Math.Clamp(entropy, 0, 1));
    }

    protected override IReadOnlyList<Shape.Field> ShapeOfGiven => [new("label", Shape.Text, Optional: true), new("score", Shape.Number)];

    protected override void WriteGiven(ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        var label = GivenLabel(scores, out var score);
        WriteLabel(label, score, output);
    }

    /// <summary>The label that is given; -1 for a text out of scope.</summary>
    /// <param name="score">The best label's, given or not.</param>
    private int GivenLabel(ReadOnlySpan<float> scores, out float score)
    {
        var best = LabelScores.Best(scores);
        score = scores[best];
        return score >= (threshold ?? float.NegativeInfinity) ? best : -1;
    }
}
