using System.Numerics.Tensors;
using MtlStream.Learning.Data;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>A text whose label is probably wrong: heads that did not learn from it are sure of another one.</summary>
/// <param name="Line">Line of the file.</param>
/// <param name="Confidence">Probability of <paramref name="Expected"/>, which the heads say.</param>
public sealed record ProbableMistake(int Line, string Label, string Expected, double Confidence)
{
    private const float Sure = 0.9f;
    private const float Unlikely = 0.05f;
    private const int Most = 20;

    /// <summary>The likeliest mistakes first. Confident learning: Northcutt et al., https://arxiv.org/abs/1911.00068.</summary>
    /// <param name="probabilities">Out of fold, [texts, labels].</param>
    public static IReadOnlyList<ProbableMistake> In(LabelledSet set, LabelTargets targets, float[] probabilities)
    {
        var mistakes = new List<ProbableMistake>();
        for (var row = 0; row < targets.Rows && !targets.MultiLabel; row++)
        {
            var scores = probabilities.AsSpan(row * targets.Labels, targets.Labels);
            var best = TensorPrimitives.IndexOfMax(scores);
            var label = targets.Of(row)[0];
            if (scores[best] >= Sure && scores[label] <= Unlikely) mistakes.Add(new(set.Texts[row].Line, set.Labels[label], set.Labels[best], scores[best]));
        }

        return [.. mistakes.OrderByDescending(m => m.Confidence).Take(Most)];
    }
}
