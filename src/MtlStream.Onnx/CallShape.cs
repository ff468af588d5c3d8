using MtlStream.Batching;

namespace MtlStream.Onnx;

/// <summary>How rows are put into calls of the graph on one device.</summary>
/// <param name="MaxCallRows">Most rows in one call.</param>
/// <param name="MaxCallTokens">Most rows x columns in one call.</param>
/// <param name="MaxRowPadding">Padding, in tokens, beyond which a row costs less in another call.</param>
internal sealed record CallShape(int MaxCallRows, int MaxCallTokens, BatchShape Batch, int MaxRowPadding = int.MaxValue)
{
    // What a call costs beside its tokens, in tokens: 0.5 ms of a core at 0.06 ms a token (`bench model`, six layers of 384 in int8).
    private const int CallOverhead = 8;

    // Few enough that every shape is warmed up and its plans are reused.
    private static readonly int[] s_widths = [16, 32, 48, 64, 96, 128, 192, 256, 384];

    /// <summary>
    /// What waits, in calls of like length: a lane takes a few rows at once, so few that it is busy for some 10 ms with 8 texts of 32
    /// tokens, and nothing waits for company.
    /// </summary>
    /// <param name="rows">Most rows of a call: 1 where a text's activations set another's int8 scale.</param>
    public static CallShape Cpu(int maxTokens, int rows)
    {
        var most = Math.Max(8, rows);
        return new(rows, rows * maxTokens, new(most, Math.Max(1024, maxTokens), [], BenefitsFromBatching: false), CallOverhead);
    }

    /// <summary>Several texts a call, padded to the longest, as <c>Model:RowsPerCall</c> may ask for.</summary>
    public static CallShape CpuBatches(int maxTokens, int rows) => new(rows, rows * maxTokens, new(rows, rows * maxTokens, []));

    /// <summary>Large calls of a few fixed shapes.</summary>
    /// <param name="limits">Sizes of a call that are asked for. Where they say nothing, 16,384 tokens, and as many rows as short texts need to make them up.</param>
    public static CallShape Gpu(int maxTokens, BatchingOptions? limits = null)
    {
        const int shortText = 32, leastRows = 512, mostRows = 4096; // the last is the most that the option allows
        limits ??= new();
        var batch = limits.Over(new(Math.Clamp(limits.MaxPaddedTokens / shortText, leastRows, mostRows), leastRows * shortText, Grid(maxTokens)));
        return new(batch.MaxRows, Math.Max(maxTokens, batch.MaxPaddedTokens), batch); // one row of the widest kind fits in any case
    }

    /// <summary>Most rows of a call with this many columns.</summary>
    public int RowsAt(int columns) => Math.Clamp(MaxCallTokens / columns, 1, MaxCallRows);

    /// <summary>
    /// Rows of the call that takes <paramref name="rows"/> rows: halves, quarters, ... of a full call on a grid device, so that
    /// few shapes occur; exactly as many as there are elsewhere.
    /// </summary>
    public int PadRows(int rows, int columns)
    {
        if (Batch.ColumnGrid.Count == 0) return rows;
        var padded = RowsAt(columns);
        while (padded / 2 >= rows) padded /= 2;
        return padded;
    }

    /// <summary>Every shape that a call can have on a grid device; a sample of widths and the largest call elsewhere.</summary>
    public IEnumerable<(int Rows, int Columns)> WarmUpShapes(int maxTokens)
    {
        if (Batch.ColumnGrid.Count == 0) return Grid(maxTokens).Select(columns => (1, columns)).Append((RowsAt(maxTokens), maxTokens));
        return Batch.ColumnGrid.SelectMany(columns => Halves(RowsAt(columns)).Select(rows => (rows, columns)));
    }

    private static IEnumerable<int> Halves(int rows)
    {
        for (; rows > 0; rows /= 2) yield return rows;
    }

    private static int[] Grid(int maxTokens) =>
        [.. s_widths.Where(columns => columns < maxTokens), maxTokens];
}
