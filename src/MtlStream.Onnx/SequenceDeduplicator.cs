using MtlStream.Batching;

namespace MtlStream.Onnx;

/// <summary>Finds sequences of a batch that are the same to the model. Reused from batch to batch; not thread-safe.</summary>
internal sealed class SequenceDeduplicator
{
    private readonly Dictionary<ulong, int> _firstByHash = [];
    private readonly List<int> _unique = [];
    private readonly Comparison<int> _longestFirst; // kept: a call allocates nothing
    private int[] _sources = [];
    private IReadOnlyList<TokenSequence> _rows = [];

    public SequenceDeduplicator() => _longestFirst = LongestFirst;

    /// <summary>Indices of the sequences to be scored, longest first.</summary>
    public List<int> Unique => _unique;

    /// <summary>For each sequence of the batch, the index of the sequence that answers it: its own, or that of an earlier one that is the same.</summary>
    public ReadOnlySpan<int> Sources => _sources;

    public void Load(TokenBatch batch)
    {
        _firstByHash.Clear();
        _unique.Clear();
        if (_sources.Length < batch.Sequences.Count) _sources = new int[Math.Max(batch.Sequences.Count, 2 * _sources.Length)];
        for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
        {
            var hash = batch.Sequences[sequence].ContentHash;

            // Two different sequences of one hash: the second is scored by itself, which is only a chance missed.
            if (_firstByHash.TryGetValue(hash, out var first) && batch.Sequences[first].HasSameContent(batch.Sequences[sequence]))
            {
                _sources[sequence] = first;
                continue;
            }

            _firstByHash[hash] = sequence;
            _sources[sequence] = sequence;
            _unique.Add(sequence);
        }

        _rows = batch.Sequences;
        _unique.Sort(_longestFirst);
        _rows = [];
    }

    private int LongestFirst(int left, int right)
    {
        var longer = _rows[right].Length.CompareTo(_rows[left].Length);
        return longer != 0 ? longer : left.CompareTo(right);
    }
}
