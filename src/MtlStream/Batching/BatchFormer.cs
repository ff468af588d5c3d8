using System.Diagnostics;

namespace MtlStream.Batching;

/// <summary>Decides which rows share a batch. Holds no clock and no thread; the caller brings both. Not thread-safe.</summary>
/// <remarks>
/// The oldest waiting row is always in the next batch; the rest are its neighbours in length, nearest first, as far as row limit
/// and padded-token budget allow. So no row starves, and no long row drags short ones along.
/// </remarks>
public sealed class BatchFormer
{
    /// <summary>Batches without a lack of memory after which the budget doubles again: what took the room may be gone.</summary>
    public const int RegrowAfter = 256;

    private readonly BatchShape _shape;
    private readonly int _lanes;
    private readonly List<Queue<Waiting>> _byLength = []; // index: tokens of the row
    private int _budget;
    private int _sinceHalved;
    private long _serial;
    private long _tokens;

    /// <param name="lanes">Batches the device works on at once; waiting rows are shared out among them when company gains nothing.</param>
    /// <param name="capacity">See <see cref="Capacity"/>; 0 for four batches, and 256 rows at least.</param>
    public BatchFormer(BatchShape shape, int lanes, int capacity = 0)
    {
        (_shape, _lanes, _budget) = (shape, lanes, shape.MaxPaddedTokens);
        Capacity = capacity > 0 ? Math.Max(capacity, shape.MaxRows) : Math.Max(256, 4 * shape.MaxRows);
    }

    /// <summary>Rows waiting.</summary>
    public int Count { get; private set; }

    /// <summary>Rows beyond which no more should be added: enough to find neighbours of like length.</summary>
    public int Capacity { get; }

    /// <summary>True when waiting longer cannot make the next batch better.</summary>
    public bool IsReady => Count > 0 && (!_shape.BenefitsFromBatching || Count >= _shape.MaxRows || _tokens >= _budget);

    /// <summary>When the oldest waiting row was added, as given to <see cref="Add"/>.</summary>
    public long OldestSince => Oldest().Peek().Since;

    /// <summary>Halves the padded-token budget: the device had no room. Down to one row of the widest kind at least.</summary>
    /// <returns>The budget now, in padded tokens.</returns>
    public int HalveBudget()
    {
        _sinceHalved = 0;
        return _budget = Math.Max(_budget / 2, 1);
    }

    public void Add(TokenSequence row, long since)
    {
        var length = row.Length;
        while (_byLength.Count <= length) _byLength.Add(new());
        _byLength[length].Enqueue(new(row, _serial++, since));
        Count++;
        _tokens += length;
    }

    /// <summary>Takes the next batch out of the waiting rows.</summary>
    /// <param name="trigger">Why it is taken if neither limit is reached.</param>
    public TokenBatch Form(BatchTrigger trigger)
    {
        Debug.Assert(Count > 0, "formed a batch of nothing");
        if (_budget < _shape.MaxPaddedTokens && ++_sinceHalved > RegrowAfter)
            (_sinceHalved, _budget) = (0, (int)Math.Min(2L * _budget, _shape.MaxPaddedTokens));

        var oldest = Oldest();
        var share = _shape.BenefitsFromBatching ? _shape.MaxRows : Math.Clamp((Count + _lanes - 1) / _lanes, 1, _shape.MaxRows);
        var rows = new List<TokenSequence>(Math.Min(Count, share));
        var longest = oldest.Peek().Row.Length;
        Take(oldest, rows);

        // Walk outwards from the oldest row's length, nearest lengths first; shorter ones first among equals: they widen nothing.
        var (shorter, longer) = (longest, longest + 1);
        var seed = longest;
        while (rows.Count < share && Count > 0)
        {
            while (shorter > 0 && _byLength[shorter].Count == 0) shorter--;
            while (longer < _byLength.Count && _byLength[longer].Count == 0) longer++;
            var down = shorter > 0;
            var up = longer < _byLength.Count;
            if (!down && !up) break;

            var goDown = down && (!up || seed - shorter <= longer - seed);
            var length = goDown ? shorter : longer;
            if ((long)_shape.PadTo(Math.Max(longest, length)) * (rows.Count + 1) > _budget)
            {
                if (goDown || !down) return Batch(BatchTrigger.TokenBudget);
                longer = _byLength.Count; // too wide; shorter rows may still fit
                continue;
            }

            longest = Math.Max(longest, length);
            Take(_byLength[length], rows);
        }

        return Batch(rows.Count >= _shape.MaxRows ? BatchTrigger.RowLimit : trigger);

        TokenBatch Batch(BatchTrigger why) => new(rows, _shape.PadTo(longest), why);
    }

    private void Take(Queue<Waiting> queue, List<TokenSequence> rows)
    {
        var row = queue.Dequeue().Row;
        rows.Add(row);
        Count--;
        _tokens -= row.Length;
    }

    private Queue<Waiting> Oldest()
    {
        Queue<Waiting>? oldest = null;
        foreach (var queue in _byLength)
        {
            if (queue.Count > 0 && (oldest is null || queue.Peek().Serial < oldest.Peek().Serial)) oldest = queue;
        }

        return oldest ?? throw new InvalidOperationException("No row is waiting.");
    }

    private readonly record struct Waiting(TokenSequence Row, long Serial, long Since);
}
