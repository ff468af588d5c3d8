using System.Numerics.Tensors;

namespace MtlStream.Learning.Training;

/// <summary>A trained head and the scaling of its features.</summary>
/// <param name="mean">Mean of each feature.</param>
/// <param name="inverseDeviation">One over each feature's standard deviation, 0 for a feature that says nothing.</param>
public sealed class Head(HeadWeights weights, float[] mean, float[] inverseDeviation)
{
    public HeadWeights Weights { get; } = weights;

    /// <summary>Scores of every label before softmax or sigmoid, [rows, labels].</summary>
    public float[] Logits(FeatureMatrix features, IReadOnlyList<int> rows)
    {
        var shape = Weights.Shape;
        var logits = new float[rows.Count * shape.Labels];
        Parallel.For(0, rows.Count, row => LogitsOf(features.Row(rows[row]), logits.AsSpan(row * shape.Labels, shape.Labels)));
        return logits;
    }

    /// <summary>(value - mean) / deviation of each feature.</summary>
    internal static void Standardize(ReadOnlySpan<float> features, (float[] Mean, float[] InverseDeviation) scaling, Span<float> standardized)
    {
        TensorPrimitives.Subtract(features, scaling.Mean, standardized);
        TensorPrimitives.Multiply(standardized, scaling.InverseDeviation, standardized);
    }

    /// <summary>The first layer's matrix and bias over features as they come: the scaling is worked into them.</summary>
    internal (float[] Matrix, float[] Bias) FirstLayer()
    {
        var hidden = Weights.Shape.Hidden > 0;
        var matrix = (float[])Weights.Parameters[hidden ? HeadWeights.HiddenWeight : HeadWeights.LabelWeight].Clone();
        var bias = (float[])Weights.Parameters[hidden ? HeadWeights.HiddenBias : HeadWeights.LabelBias].Clone();
        var units = bias.Length;
        for (var feature = 0; feature < mean.Length; feature++)
        {
            var row = matrix.AsSpan(feature * units, units);
            TensorPrimitives.Multiply(row, inverseDeviation[feature], row);
            TensorPrimitives.MultiplyAdd(row, -mean[feature], bias, bias);
        }

        return (matrix, bias);
    }

    private void LogitsOf(ReadOnlySpan<float> features, Span<float> logits)
    {
        var inner = new float[features.Length];
        Standardize(features, (mean, inverseDeviation), inner);
        if (Weights.Shape.Hidden > 0)
        {
            var hidden = new float[Weights.Shape.Hidden];
            Multiply(inner, Weights.Parameters[HeadWeights.HiddenWeight], Weights.Parameters[HeadWeights.HiddenBias], hidden);
            TensorPrimitives.Tanh(hidden, hidden);
            inner = hidden;
        }

        Multiply(inner, Weights.Parameters[HeadWeights.LabelWeight], Weights.Parameters[HeadWeights.LabelBias], logits);
    }

    private static void Multiply(ReadOnlySpan<float> input, ReadOnlySpan<float> matrix, ReadOnlySpan<float> bias, Span<float> output)
    {
        bias.CopyTo(output);
        for (var i = 0; i < input.Length; i++) TensorPrimitives.MultiplyAdd(matrix.Slice(i * output.Length, output.Length), input[i], output, output);
    }
}
