using System.Numerics.Tensors;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>A head and what it reads.</summary>
public sealed record TaughtMember(Head Head, FeatureSet Features);

/// <summary>What was taught: the mean of one head's logits or of several, calibrated.</summary>
/// <param name="Thresholds">Least score for each label of a task with several; empty otherwise.</param>
public sealed record TaughtHead(IReadOnlyList<TaughtMember> Members, double Temperature, IReadOnlyList<float> Thresholds)
{
    /// <summary>Mean logits, [rows, labels].</summary>
    /// <param name="features">The features that a member reads.</param>
    public float[] Logits(Func<FeatureSet, FeatureMatrix> features, IReadOnlyList<int> rows) =>
        Mean([.. Members.Select(m => m.Head.Logits(features(m.Features), rows))]);

    /// <summary>The mean of several heads' logits.</summary>
    internal static float[] Mean(IReadOnlyList<float[]> logits)
    {
        var mean = (float[])logits[0].Clone();
        foreach (var others in logits.Skip(1)) TensorPrimitives.Add(mean, others, mean);
        TensorPrimitives.Divide(mean, logits.Count, mean);
        return mean;
    }
}
