using MtlStream.Batching;

namespace MtlStream.Onnx;

/// <summary>How sequences are put into calls of the graph on one device.</summary>
/// <param name="MaxCallSequences">Most sequences in one call.</param>
/// <param name="MaxCallTokens">Most sequences x padded length in one call.</param>
/// <param name="MaxPadding">Padding, in tokens, beyond which a sequence costs less in another call.</param>
internal sealed record CallShape(int MaxCallSequences, int MaxCallTokens, BatchShape Batch, int MaxPadding = int.MaxValue)
{
    // What a call costs beside its tokens, in tokens: 0.5 ms of a core at 0.06 ms a token (`bench model`, six layers of 384 in int8).
    private const int CallOverhead = 8;

    // Few enough that every shape is warmed up and its plans are reused.
    private static readonly int[] s_widths = [16, 32, 48, 64, 96, 128, 192, 256, 384];

    /// <summary>
    /// What waits, in calls of like length: a worker takes a few sequences at once, so few that it is busy for some 10 ms with 8 texts of 32
    /// tokens, and nothing waits for company.
    /// </summary>
    /// <param name="sequences">Most sequences of a call: 1 where a text's activations set another's int8 scale.</param>
    public static CallShape Cpu(int maxTokens, int sequences)
    {
        var most = Math.Max(8, sequences);
        return new(sequences, sequences * maxTokens, new(most, Math.Max(1024, maxTokens), [], BenefitsFromBatching: false), CallOverhead);
    }

    /// <summary>Several texts a call, padded to the longest, as <c>Model:RowsPerCall</c> may ask for.</summary>
    public static CallShape CpuBatches(int maxTokens, int sequences) => new(sequences, sequences * maxTokens, new(sequences, sequences * maxTokens, []));

    /// <summary>Large calls of a few fixed shapes.</summary>
    /// <param name="limits">Sizes of a call that are asked for. Where they say nothing, 16,384 tokens, and as many sequences as short texts need to make them up.</param>
    public static CallShape Gpu(int maxTokens, BatchingOptions? limits = null)
    {
        const int shortText = 32, leastRows = 512, mostRows = 4096; // the last is the most that the option allows
        limits ??= new();
        var batch = limits.Over(new(Math.Clamp(limits.MaxPaddedTokens / shortText, leastRows, mostRows), leastRows * shortText, Grid(maxTokens)));
        return new(batch.MaxSequences, Math.Max(maxTokens, batch.MaxPaddedTokens), batch); // one sequence of the widest kind fits in any case
    }

    /// <summary>Most sequences of a call of this padded length.</summary>
    public int SequencesAt(int paddedLength) => Math.Clamp(MaxCallTokens / paddedLength, 1, MaxCallSequences);

    /// <summary>
    /// Sequences of the call that takes <paramref name="sequences"/> sequences: halves, quarters, ... of a full call on a grid device, so that
    /// few shapes occur; exactly as many as there are elsewhere.
    /// </summary>
    public int PadSequences(int sequences, int paddedLength)
    {
        if (Batch.LengthGrid.Count == 0) return sequences;
        var padded = SequencesAt(paddedLength);
        while (padded / 2 >= sequences) padded /= 2;
        return padded;
    }

    /// <summary>Every shape that a call can have on a grid device; a sample of widths and the largest call elsewhere.</summary>
    public IEnumerable<(int Sequences, int PaddedLength)> WarmUpShapes(int maxTokens)
    {
        if (Batch.LengthGrid.Count == 0) return Grid(maxTokens).Select(paddedLength => (1, paddedLength)).Append((SequencesAt(maxTokens), maxTokens));
        return Batch.LengthGrid.SelectMany(paddedLength => Halves(SequencesAt(paddedLength)).Select(sequences => (sequences, paddedLength)));
    }

    private static IEnumerable<int> Halves(int sequences)
    {
        for (; sequences > 0; sequences /= 2) yield return sequences;
    }

    private static int[] Grid(int maxTokens) =>
        [.. s_widths.Where(paddedLength => paddedLength < maxTokens), maxTokens];
}
