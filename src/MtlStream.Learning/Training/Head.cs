using System.Numerics.Tensors;

namespace MtlStream.Learning.Training;

/// <summary>A trained head and the scaling of its features.</summary>
/// <param name="mean">Mean of each feature.</param>
/// <param name="inverseDeviation">One over each feature's standard deviation, 0 for a feature that says nothing.</param>
public sealed class Head(HeadWeights weights, float[] mean, float[] inverseDeviation)
{
    private const int BlockRows = 16;

    public HeadWeights Weights { get; } = weights;

    /// <summary>Scores of every label before softmax or sigmoid, [rows, labels].</summary>
    public float[] Logits(FeatureMatrix features, IReadOnlyList<int> rows)
    {
        var labels = Weights.Shape.Labels;
        var logits = new float[rows.Count * labels];
        var blocks = (rows.Count + BlockRows - 1) / BlockRows;
        Parallel.For(0, blocks, block =>
        {
            var first = block * BlockRows;
            var count = Math.Min(BlockRows, rows.Count - first);
            LogitsOf(features, rows, first, count, logits.AsSpan(first * labels, count * labels));
        });
        return logits;
    }

    /// <summary>The same head with its logits multiplied.</summary>
    internal Head Scaled(float factor)
    {
        var scaled = new HeadWeights(Weights.Shape);
        foreach (var (name, values) in Weights.Parameters)
        {
            if (name is HeadWeights.LabelWeight or HeadWeights.LabelBias) TensorPrimitives.Multiply(values, factor, scaled.Parameters[name]);
            else values.CopyTo(scaled.Parameters[name], 0);
        }

        return new(scaled, mean, inverseDeviation);
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

    private void LogitsOf(FeatureMatrix features, IReadOnlyList<int> rows, int first, int count, Span<float> logits)
    {
        var shape = Weights.Shape;
        var inner = new float[count * shape.Features];
        for (var row = 0; row < count; row++)
        {
            var standardized = inner.AsSpan(row * shape.Features, shape.Features);
            features.Read(rows[first + row], standardized);
            Standardize(standardized, (mean, inverseDeviation), standardized);
        }

        if (shape.Hidden > 0)
        {
            var hidden = new float[count * shape.Hidden];
            Multiply(inner, Weights.Parameters[HeadWeights.HiddenWeight], Weights.Parameters[HeadWeights.HiddenBias], hidden, count);
            TensorPrimitives.Tanh(hidden, hidden);
            inner = hidden;
        }

        Multiply(inner, Weights.Parameters[HeadWeights.LabelWeight], Weights.Parameters[HeadWeights.LabelBias], logits, count);
    }

    /// <summary>A matrix once for all rows of a block, so that it is read from memory once.</summary>
    private static void Multiply(ReadOnlySpan<float> input, ReadOnlySpan<float> matrix, ReadOnlySpan<float> bias, Span<float> output, int rows)
    {
        var (width, units) = (input.Length / rows, bias.Length);
        for (var row = 0; row < rows; row++) bias.CopyTo(output[(row * units)..]);
        for (var i = 0; i < width; i++)
        {
            var weights = matrix.Slice(i * units, units);
            for (var row = 0; row < rows; row++)
            {
                var target = output.Slice(row * units, units);
                TensorPrimitives.MultiplyAdd(weights, input[(row * width) + i], target, target);
            }
        }
    }
}
