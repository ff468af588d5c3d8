using MtlStream.Batching;

namespace MtlStream.Onnx;

/// <summary>Finds rows of a batch that are the same to the model. Reused from batch to batch; not thread-safe.</summary>
internal sealed class RowDeduplicator
{
    private readonly Dictionary<int, int> _firstByHash = [];
    private readonly List<int> _unique = [];
    private int[] _sources = [];

    /// <summary>Indices of the rows to be scored, in order.</summary>
    public List<int> Unique => _unique;

    /// <summary>For each row of the batch, the place in <see cref="Unique"/> of the row that answers it.</summary>
    public ReadOnlySpan<int> Sources => _sources;

    public void Load(TokenBatch batch)
    {
        _firstByHash.Clear();
        _unique.Clear();
        if (_sources.Length < batch.Rows.Count) _sources = new int[Math.Max(batch.Rows.Count, 2 * _sources.Length)];
        for (var row = 0; row < batch.Rows.Count; row++)
        {
            var hash = Hash(batch.Rows[row]);

            // Two different rows of one hash: the second is scored by itself, which is only a chance missed.
            if (_firstByHash.TryGetValue(hash, out var place) && Same(batch.Rows[_unique[place]], batch.Rows[row]))
            {
                _sources[row] = place;
                continue;
            }

            _firstByHash[hash] = _unique.Count;
            _sources[row] = _unique.Count;
            _unique.Add(row);
        }
    }

    private static int Hash(TokenRow row)
    {
        var hash = new HashCode();
        var window = row.Event.Tokens.Windows[row.Window];
        foreach (var token in row.Event.Tokens.Tokens.Slice(window.Start, window.Length)) hash.Add(HashCode.Combine(token.Id, token.Case));
        return hash.ToHashCode();
    }

    private static bool Same(TokenRow left, TokenRow right)
    {
        var (leftWindow, rightWindow) = (left.Event.Tokens.Windows[left.Window], right.Event.Tokens.Windows[right.Window]);
        if (leftWindow.Length != rightWindow.Length) return false;
        var leftTokens = left.Event.Tokens.Tokens.Slice(leftWindow.Start, leftWindow.Length);
        var rightTokens = right.Event.Tokens.Tokens.Slice(rightWindow.Start, rightWindow.Length);
        for (var i = 0; i < leftTokens.Length; i++)
        {
            if (leftTokens[i].Id != rightTokens[i].Id || leftTokens[i].Case != rightTokens[i].Case) return false;
        }

        return true;
    }
}
