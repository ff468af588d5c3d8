using System.Numerics.Tensors;
using MtlStream.Learning.Data;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>A text or a word whose label is probably wrong: heads that did not learn from it are sure of another one.</summary>
/// <param name="Line">Line of the file.</param>
/// <param name="Confidence">Probability of <paramref name="Expected"/>, which the heads say.</param>
/// <param name="OfLabel">Probability of <paramref name="Label"/>.</param>
public sealed record ProbableMistake(int Line, string Label, string Expected, double Confidence, double OfLabel)
{
    private const double Sure = 0.9;
    private const double Unlikely = 0.05;
    private const int Most = 20;

    /// <summary>The likeliest mistakes first. Confident learning: Northcutt et al., https://arxiv.org/abs/1911.00068.</summary>
    /// <param name="probabilities">Out of fold, [texts, labels].</param>
    public static IReadOnlyList<ProbableMistake> In(LabelledSet set, LabelTargets targets, float[] probabilities)
    {
        if (targets.MultiLabel) return [];
        return Surest(Enumerable.Range(0, targets.Rows).Select(Doubt));

        ProbableMistake Doubt(int row)
        {
            var scores = probabilities.AsSpan(row * targets.Labels, targets.Labels);
            var best = TensorPrimitives.IndexOfMax(scores);
            var label = targets.Of(row)[0];
            return new(set.Texts[row].Line, set.Labels[label], set.Labels[best], scores[best], scores[label]);
        }
    }

    /// <summary>Those of which the heads are sure.</summary>
    internal static IReadOnlyList<ProbableMistake> Surest(IEnumerable<ProbableMistake> doubts) =>
        [.. doubts.Where(d => d.Confidence >= Sure && d.OfLabel <= Unlikely).OrderByDescending(d => d.Confidence).Take(Most)];
}
