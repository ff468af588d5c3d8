namespace MtlStream.Learning.Training;

/// <summary>Features of texts, [Rows, Columns], row-major.</summary>
public sealed class FeatureMatrix(float[] values, int columns)
{
    public int Columns { get; } = columns;
    public int Rows { get; } = values.Length / columns;

    /// <summary>The features of one text.</summary>
    public Span<float> Row(int row) => values.AsSpan(row * Columns, Columns);

    /// <summary>Mean and inverse deviation of each column over some rows; a column that never changes has the inverse deviation 0.</summary>
    public (float[] Mean, float[] InverseDeviation) Moments(IReadOnlyList<int> rows)
    {
        var sum = new double[Columns];
        var squares = new double[Columns];
        foreach (var row in rows)
        {
            var features = Row(row);
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

    private const double LeastVariance = 1e-12;
}
