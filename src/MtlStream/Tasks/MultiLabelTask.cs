using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>Any number of labels for the text: each whose score reaches its threshold, best first.</summary>
public sealed class MultiLabelTask : TextLabelTask
{
    private const float DefaultThreshold = 0.5f;

    private readonly float[] _thresholds;
    private readonly float _least; // no label is given below it

    /// <param name="thresholds">One for each label, or none: then each needs one half.</param>
    /// <exception cref="InvalidDataException">There are some, but not one for each label.</exception>
    public MultiLabelTask(string name, IReadOnlyList<string> labels, IReadOnlyList<float> thresholds)
        : base(name, Definition.Name, labels)
    {
        Thresholds = thresholds;
        _thresholds = thresholds.Count == 0 ? [.. labels.Select(_ => DefaultThreshold)] : [.. thresholds];
        if (_thresholds.Length != labels.Count)
            throw new InvalidDataException($"Task \"{name}\" has {thresholds.Count} thresholds; expected none or {labels.Count}.");
        _least = _thresholds.Min();
    }

    public static TaskKind Definition { get; } = new("multi_label", Probabilities, Read)
    {
        Members = ["labels"],
    };

    public override IReadOnlyList<float> Thresholds { get; }

    public override ModelTask WithThresholds(IReadOnlyList<GivenThreshold> thresholds)
    {
        if (thresholds.Count == 0) return this;
        var changed = (float[])_thresholds.Clone();
        foreach (var given in thresholds.OrderBy(t => t.Label is not null)) // one for all, then those that differ
        {
            for (var label = 0; label < changed.Length; label++)
            {
                if (given.IsFor(Labels[label])) changed[label] = given.Value;
            }
        }

        return new MultiLabelTask(Name, Labels, changed);
    }

    public override string? Refusal(GivenThreshold threshold) => threshold.Label is not { } wrong || Labels.Any(threshold.IsFor)
        ? null : $"there is no label {wrong}{Nearest.Suggest(wrong, Labels)}";

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text)
    {
        var scores = values.Floats();
        var given = new List<string>();
        for (var label = 0; label < scores.Length; label++)
        {
            if (IsGiven(label, scores[label])) given.Add(Labels[label]);
        }

        return [string.Join('|', given.Order(StringComparer.Ordinal))]; // one answer, whatever the order of labels
    }

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts)
    {
        var probabilities = values.Floats();
        for (var label = 0; label < probabilities.Length; label++)
        {
            if (IsGiven(label, probabilities[label])) counts.Add(label);
        }

        var confidence = probabilities[LabelScores.Best(probabilities)];
        var entropy = LabelScores.EntropyOfEach(probabilities) / probabilities.Length;
        return new(confidence, Math.Clamp(entropy, 0, 1));
    }

    protected override IReadOnlyList<Shape.Field> ShapeOfGiven =>
        [new("labels", new Shape.ListOf(new Shape.Fields([new("label", Shape.Text), new("score", Shape.Number)])))];

    protected override void WriteGiven(ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        output.Write("\"labels\":["u8);
        var any = false;
        var label = LabelScores.Best(scores);
        while (label >= 0 && scores[label] >= _least)
        {
            if (IsGiven(label, scores[label]))
            {
                output.Write(any ? ",{"u8 : "{"u8);
                any = true;
                WriteLabel(label, scores[label], output);
                output.Write((byte)'}');
            }

            label = LabelScores.Next(scores, label);
        }

        output.Write((byte)']');
    }

    private static MultiLabelTask? Read(TaskFields fields)
    {
        var labels = fields.Labels(least: 1);
        var thresholds = fields.Thresholds(labels.Count);
        return labels.Count > 0 && thresholds.Count == labels.Count ? new(fields.Name, labels, thresholds) : null;
    }

    /// <summary>Whether a text with that score gets the label.</summary>
    internal bool IsGiven(int label, float score) => score >= _thresholds[label];
}
