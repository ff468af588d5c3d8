using System.Numerics.Tensors;

namespace MtlStream.Learning.Training;

/// <summary>Features of texts or words, [Rows, Columns], row-major; or some columns of such. Kept as floats, or halved as fp16.</summary>
public sealed class FeatureMatrix
{
    private const double LeastVariance = 1e-12;

    private readonly float[] _values = [];
    private readonly Half[] _halves = [];
    private readonly int _stride, _start;

    /// <param name="values">Row-major, [rows, columns].</param>
    public FeatureMatrix(float[] values, int columns)
        : this(values, [], columns, start: 0, columns)
    {
    }

    /// <param name="values">Row-major, [rows, columns].</param>
    public FeatureMatrix(Half[] values, int columns)
        : this([], values, columns, start: 0, columns)
    {
    }

    private FeatureMatrix(float[] values, Half[] halves, int stride, int start, int columns) =>
        (_values, _halves, _stride, _start, Columns, Rows) = (values, halves, stride, start, columns, (values.Length + halves.Length) / stride);

    public int Columns { get; }
    public int Rows { get; }

    /// <summary>Columns side by side, as a view.</summary>
    public FeatureMatrix Slice(int start, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + columns, Columns);
        return new(_values, _halves, _stride, _start + start, columns);
    }

    /// <summary>Reads the features of one row.</summary>
    public void Read(int row, Span<float> features)
    {
        var at = (row * (long)_stride) + _start;
        if (_halves.Length > 0) TensorPrimitives.ConvertToSingle(_halves.AsSpan((int)at, Columns), features);
        else _values.AsSpan((int)at, Columns).CopyTo(features);
    }

    /// <summary>Mean and inverse deviation of each column over some rows; a column that never changes has the inverse deviation 0.</summary>
    public (float[] Mean, float[] InverseDeviation) Moments(IReadOnlyList<int> rows)
    {
        var sum = new double[Columns];
        var squares = new double[Columns];
        var features = new float[Columns];
        foreach (var row in rows)
        {
            Read(row, features);
            for (var column = 0; column < Columns; column++)
            {
                sum[column] += features[column];
                squares[column] += (double)features[column] * features[column];
            }
        }

        var mean = new float[Columns];
        var inverse = new float[Columns];
        for (var column = 0; column < Columns; column++)
        {
            var average = sum[column] / rows.Count;
            var variance = (squares[column] / rows.Count) - (average * average);
            mean[column] = (float)average;
            inverse[column] = variance > LeastVariance ? (float)(1 / Math.Sqrt(variance)) : 0;
        }

        return (mean, inverse);
    }
}
