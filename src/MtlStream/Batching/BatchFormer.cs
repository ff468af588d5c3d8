using System.Diagnostics;

namespace MtlStream.Batching;

/// <summary>Decides which sequences share a batch. Holds no clock and no thread; the caller brings both. Not thread-safe.</summary>
/// <remarks>
/// The oldest waiting sequence is always in the next batch; the rest are its neighbours in length, nearest first, as far as sequence limit
/// and padded-token budget allow. So no sequence starves, and no long sequence drags short ones along.
/// </remarks>
public sealed class BatchFormer
{
    /// <summary>Batches without a lack of memory after which the budget doubles again: what took the room may be gone.</summary>
    public const int RegrowAfter = 256;

    private readonly BatchShape _shape;
    private readonly int _workers;
    private readonly List<Queue<Waiting>> _byLength = []; // index: tokens of the sequence
    private int _sinceHalved;
    private long _serial;
    private long _tokens;

    /// <param name="workers">Batches the device works on at once; waiting sequences are shared out among them when company gains nothing.</param>
    /// <param name="capacity">See <see cref="Capacity"/>; 0 for four batches, and 256 sequences at least.</param>
    public BatchFormer(BatchShape shape, int workers, int capacity = 0)
    {
        _shape = shape;
        _workers = workers;
        Budget = shape.MaxPaddedTokens;
        Capacity = capacity > 0 ? Math.Max(capacity, shape.MaxSequences) : Math.Max(256, 4 * shape.MaxSequences);
    }

    /// <summary>Sequences waiting.</summary>
    public int Count { get; private set; }

    /// <summary>Sequences beyond which no more should be added: enough to find neighbours of like length.</summary>
    public int Capacity { get; }

    /// <summary>True when waiting longer cannot make the next batch better.</summary>
    public bool IsReady => Count > 0 && (!_shape.BenefitsFromBatching || Count >= _shape.MaxSequences || _tokens >= Budget);

    /// <summary>When the oldest waiting sequence was added, as given to <see cref="Add"/>.</summary>
    public long OldestSince => Oldest().Peek().Since;

    /// <summary>Most padded tokens of a batch now. A sequence by itself may have more.</summary>
    public int Budget { get; private set; }

    /// <summary>Halves the budget until a batch is smaller than one that the device had no room for.</summary>
    /// <param name="paddedTokens">Sequences x padded length of that batch.</param>
    /// <returns>False when it was smaller before: the batch was formed earlier than that.</returns>
    public bool ShrinkBelow(int paddedTokens)
    {
        _sinceHalved = 0;
        var before = Budget;
        while (Budget >= paddedTokens && Budget > 1) Budget /= 2;
        return Budget < before;
    }

    public void Add(TokenSequence sequence, long since)
    {
        var length = sequence.Length;
        while (_byLength.Count <= length) _byLength.Add(new());
        _byLength[length].Enqueue(new(sequence, _serial++, since));
        Count++;
        _tokens += length;
    }

    /// <summary>Takes the next batch out of the waiting sequences.</summary>
    /// <param name="trigger">Why it is taken if neither limit is reached.</param>
    public TokenBatch Form(BatchTrigger trigger)
    {
        Debug.Assert(Count > 0, "formed a batch of nothing");
        if (Budget < _shape.MaxPaddedTokens && ++_sinceHalved > RegrowAfter)
        {
            _sinceHalved = 0;
            Budget = (int)Math.Min(2L * Budget, _shape.MaxPaddedTokens);
        }

        var oldest = Oldest();
        var share = _shape.BenefitsFromBatching ? _shape.MaxSequences : Math.Clamp((Count + _workers - 1) / _workers, 1, _shape.MaxSequences);
        var sequences = new List<TokenSequence>(Math.Min(Count, share));
        var longest = oldest.Peek().Sequence.Length;
        Take(oldest, sequences);

        // Walk outwards from the oldest sequence's length, nearest lengths first; shorter ones first among equals: they widen nothing.
        var (shorter, longer) = (longest, longest + 1);
        var seed = longest;
        while (sequences.Count < share && Count > 0)
        {
            while (shorter > 0 && _byLength[shorter].Count == 0) shorter--;
            while (longer < _byLength.Count && _byLength[longer].Count == 0) longer++;
            var down = shorter > 0;
            var up = longer < _byLength.Count;
            if (!down && !up) break;

            var goDown = down && (!up || seed - shorter <= longer - seed);
            var length = goDown ? shorter : longer;
            if ((long)_shape.PadTo(Math.Max(longest, length)) * (sequences.Count + 1) > Budget)
            {
                if (goDown || !down) return Batch(BatchTrigger.TokenBudget);
                longer = _byLength.Count; // too wide; shorter sequences may still fit
                continue;
            }

            longest = Math.Max(longest, length);
            Take(_byLength[length], sequences);
        }

        return Batch(sequences.Count >= _shape.MaxSequences ? BatchTrigger.RowLimit : trigger);

        TokenBatch Batch(BatchTrigger why) => new(sequences, _shape.PadTo(longest), why);
    }

    private void Take(Queue<Waiting> queue, List<TokenSequence> sequences)
    {
        var sequence = queue.Dequeue().Sequence;
        sequences.Add(sequence);
        Count--;
        _tokens -= sequence.Length;
    }

    private Queue<Waiting> Oldest()
    {
        Queue<Waiting>? oldest = null;
        foreach (var queue in _byLength)
        {
            if (queue.Count > 0 && (oldest is null || queue.Peek().Serial < oldest.Peek().Serial)) oldest = queue;
        }

        return oldest ?? throw new InvalidOperationException("No sequence is waiting.");
    }

    private readonly record struct Waiting(TokenSequence Sequence, long Serial, long Since);
}
