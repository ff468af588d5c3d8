namespace MtlStream.Batching;

/// <summary>What made the batch former close a batch. In snake case a metric tag: add, never rename.</summary>
public enum BatchTrigger
{
    RowLimit,
    TokenBudget,
    Linger,
    EndOfInput,

    /// <summary>The device was free, and gains nothing from company.</summary>
    DeviceFree,

    /// <summary>A part of a batch that the model refused.</summary>
    Split,
}

/// <summary>Sequences that go through the model together. Does not own their texts: a text may have windows in several batches.</summary>
/// <remarks>The model input is [Sequences.Count, PaddedLength], row-major, padded on the right.</remarks>
public sealed class TokenBatch(IReadOnlyList<TokenSequence> sequences, int paddedLength, BatchTrigger trigger)
{
    public IReadOnlyList<TokenSequence> Sequences { get; } = sequences;
    public BatchTrigger Trigger { get; } = trigger;

    /// <summary>Padded length of every sequence, in tokens.</summary>
    public int PaddedLength { get; } = paddedLength;

    /// <summary>Tokens that are not padding.</summary>
    public int Tokens { get; } = Sum(sequences);

    private static int Sum(IReadOnlyList<TokenSequence> sequences)
    {
        var tokens = 0;
        for (var i = 0; i < sequences.Count; i++) tokens += sequences[i].Length;
        return tokens;
    }
}
