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
/// <remarks>The model input is [Rows.Count, Columns], row-major, padded on the right.</remarks>
public sealed class TokenBatch(IReadOnlyList<TokenSequence> rows, int columns, BatchTrigger trigger)
{
    public IReadOnlyList<TokenSequence> Rows { get; } = rows;
    public BatchTrigger Trigger { get; } = trigger;

    /// <summary>Padded length of every row, in tokens.</summary>
    public int Columns { get; } = columns;

    /// <summary>Tokens that are not padding.</summary>
    public int Tokens { get; } = Sum(rows);

    private static int Sum(IReadOnlyList<TokenSequence> rows)
    {
        var tokens = 0;
        for (var i = 0; i < rows.Count; i++) tokens += rows[i].Length;
        return tokens;
    }
}
