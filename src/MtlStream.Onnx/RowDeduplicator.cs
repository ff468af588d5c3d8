using MtlStream.Batching;

namespace MtlStream.Onnx;

/// <summary>Finds rows of a batch that are the same to the model. Reused from batch to batch; not thread-safe.</summary>
internal sealed class RowDeduplicator
{
    private readonly Dictionary<ulong, int> _firstByHash = [];
    private readonly List<int> _unique = [];
    private readonly Comparison<int> _longestFirst; // kept: a call allocates nothing
    private int[] _sources = [];
    private IReadOnlyList<TokenSequence> _rows = [];

    public RowDeduplicator() => _longestFirst = LongestFirst;

    /// <summary>Indices of the rows to be scored, longest first.</summary>
    public List<int> Unique => _unique;

    /// <summary>For each row of the batch, the index of the row that answers it: its own, or that of an earlier one that is the same.</summary>
    public ReadOnlySpan<int> Sources => _sources;

    public void Load(TokenBatch batch)
    {
        _firstByHash.Clear();
        _unique.Clear();
        if (_sources.Length < batch.Rows.Count) _sources = new int[Math.Max(batch.Rows.Count, 2 * _sources.Length)];
        for (var row = 0; row < batch.Rows.Count; row++)
        {
            var hash = batch.Rows[row].ContentHash;

            // Two different rows of one hash: the second is scored by itself, which is only a chance missed.
            if (_firstByHash.TryGetValue(hash, out var first) && batch.Rows[first].HasSameContent(batch.Rows[row]))
            {
                _sources[row] = first;
                continue;
            }

            _firstByHash[hash] = row;
            _sources[row] = row;
            _unique.Add(row);
        }

        _rows = batch.Rows;
        _unique.Sort(_longestFirst);
        _rows = [];
    }

    private int LongestFirst(int left, int right)
    {
        var longer = _rows[right].Length.CompareTo(_rows[left].Length);
        return longer != 0 ? longer : left.CompareTo(right);
    }
}
