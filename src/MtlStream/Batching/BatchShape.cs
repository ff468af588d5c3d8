namespace MtlStream.Batching;

/// <summary>What a good batch is on the device that serves. The model adapter says it, options can override it.</summary>
/// <param name="MaxSequences">Most sequences in one batch.</param>
/// <param name="MaxPaddedTokens">Most sequences x padded length in one batch.</param>
/// <param name="LengthGrid">Lengths that sequences are padded to, rising; empty when any length is as good.</param>
/// <param name="BenefitsFromBatching">
/// True when a sequence costs less beside others, so that waiting for company pays; false when the device takes sequences one by one.
/// </param>
public sealed record BatchShape(int MaxSequences, int MaxPaddedTokens, IReadOnlyList<int> LengthGrid, bool BenefitsFromBatching = true)
{
    /// <summary>Padded length of a batch whose longest sequence has <paramref name="longest"/> tokens.</summary>
    public int PadTo(int longest)
    {
        for (var i = 0; i < LengthGrid.Count; i++)
        {
            if (LengthGrid[i] >= longest) return LengthGrid[i];
        }

        return longest;
    }
}
