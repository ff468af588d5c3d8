namespace MtlStream.Learning.Training;

/// <summary>The labels that texts should get, or words.</summary>
/// <param name="ofRows">Label numbers of each row: one for a single label, any number for several.</param>
public sealed class LabelTargets(IReadOnlyList<int[]> ofRows, int labels, bool multiLabel)
{
    private float[] _guesses = [];

    public int Labels { get; } = labels;
    public bool MultiLabel { get; } = multiLabel;

    /// <summary>Rows whose labels are known.</summary>
    public int Rows => ofRows.Count;

    /// <summary>The same with a row for each label, behind all others.</summary>
    public LabelTargets WithNames() => new([.. ofRows, .. Enumerable.Range(0, Labels).Select(label => new[] { label })], Labels, MultiLabel);

    /// <summary>The same with rows of which a head has said how likely each label is, behind all others.</summary>
    /// <param name="probabilities">[rows, labels].</param>
    public LabelTargets WithGuesses(float[] probabilities) => new(ofRows, Labels, MultiLabel) { _guesses = probabilities };

    /// <summary>The labels of a row.</summary>
    public IReadOnlyList<int> Of(int row) => ofRows[row];

    /// <summary>Writes the probability that each label should have.</summary>
    /// <param name="smoothing">Share that goes to all labels alike.</param>
    public void Write(int row, float smoothing, Span<float> target)
    {
        if (row >= Rows)
        {
            _guesses.AsSpan((row - Rows) * Labels, Labels).CopyTo(target);
            return;
        }

        var others = MultiLabel ? smoothing / 2 : smoothing / Labels;
        target.Fill(others);
        foreach (var label in ofRows[row]) target[label] += 1 - smoothing;
    }
}
