using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What tasks share that say of every word whether it stays: two labels, the second one for what stays.</summary>
/// <remarks>They are left out unless they are asked for: most streams have no use for a second text beside the first.</remarks>
public abstract class KeptLabelTask(string name, string kind, IReadOnlyList<string> labels) : TokenLabelTask(name, kind, labels)
{
    private const int Kept = 1;

    public override bool OnRequest => true;

    /// <summary>Everything stays.</summary>
    protected override int Neutral => Kept;

    /// <summary>The two labels of a manifest; null when they are not two, which is noted then.</summary>
    protected static IReadOnlyList<string>? TwoLabels(TaskFields fields)
    {
        var labels = fields.Labels(least: 2);
        if (labels.Count == 2) return labels;
        if (labels.Count > 2) fields.Problem("labels", $"found {labels.Count}, expected two: of what goes and of what stays");
        return null;
    }

    protected static bool IsKept(TaskValues values, Word word) => TagsOf(values)[word.FirstToken + 1] == Kept;

    /// <summary>Probability that a word stays.</summary>
    protected static float KeptShare(TaskValues values, Word word)
    {
        var score = ScoresOf(values)[word.FirstToken + 1];
        return IsKept(values, word) ? score : 1 - score;
    }
}
