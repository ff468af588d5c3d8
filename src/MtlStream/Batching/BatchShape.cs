namespace MtlStream.Batching;

/// <summary>What a good batch is on the device that serves. The model adapter says it, options can override it.</summary>
/// <param name="MaxRows">Most rows in one batch.</param>
/// <param name="MaxPaddedTokens">Most rows x columns in one batch.</param>
/// <param name="ColumnGrid">Widths that rows are padded to, rising; empty when any width is as good.</param>
/// <param name="BenefitsFromBatching">
/// True when a row costs less beside others, so that waiting for company pays; false when the device takes rows one by one.
/// </param>
public sealed record BatchShape(int MaxRows, int MaxPaddedTokens, IReadOnlyList<int> ColumnGrid, bool BenefitsFromBatching = true)
{
    /// <summary>Columns of a batch whose longest row has <paramref name="longest"/> tokens.</summary>
    public int PadTo(int longest)
    {
        for (var i = 0; i < ColumnGrid.Count; i++)
        {
            if (ColumnGrid[i] >= longest) return ColumnGrid[i];
        }

        return longest;
    }
}
