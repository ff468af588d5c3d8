using System.Numerics;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Serving;

/// <summary>A model that answers rows it has scored lately from memory. Owns the model. Thread-safe per lane.</summary>
/// <remarks>
/// Two rows are the same when all their token ids and letter cases are. What it trades: memory for each row kept (about 2 kB for
/// 32 tokens and seven tasks), a lock per batch, and on a GPU that a row's scores are those of the batch it was first in,
/// which differ from a fresh call's by rounding. Streams without repetition only pay. Off unless <c>Model:RecentResults</c> is set.
/// </remarks>
/// <param name="capacity">Most rows kept; the oldest goes first, used or not.</param>
/// <param name="remembered">Takes how many rows of a batch were answered from memory.</param>
public sealed class RecentResults(IMultitaskModel model, int capacity, Action<int>? remembered = null) : IMultitaskModel
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Answer> _answers = new(capacity);
    private readonly Queue<ulong> _byAge = new(capacity);

    public ModelIdentity Identity => model.Identity;
    public IReadOnlyList<ModelTask> Tasks => model.Tasks;
    public BatchShape Shape => model.Shape;
    public int Lanes => model.Lanes;

    public Predictions Predict(TokenBatch batch, int lane)
    {
        var (keys, known) = (new ulong[batch.Rows.Count], new Answer?[batch.Rows.Count]);
        var unknown = new List<TokenRow>();
        lock (_gate)
        {
            for (var row = 0; row < keys.Length; row++)
            {
                keys[row] = Key(batch.Rows[row]);
                if (_answers.TryGetValue(keys[row], out var answer) && answer.IsFor(batch.Rows[row])) known[row] = answer;
                else unknown.Add(batch.Rows[row]);
            }
        }

        if (unknown.Count < keys.Length) remembered?.Invoke(keys.Length - unknown.Count);
        var fresh = unknown.Count == 0 ? null
            : model.Predict(unknown.Count == keys.Length ? batch : new TokenBatch(unknown, batch.Columns, batch.Trigger), lane);
        if (fresh is not null) Remember(unknown, fresh);
        if (unknown.Count == keys.Length) return fresh!;

        using (fresh)
        {
            var predictions = Predictions.Rent(Tasks, keys.Length, batch.Columns);
            (predictions.Computed, predictions.Padding) = (fresh?.Computed ?? 0, fresh?.Padding ?? 0);
            for (int row = 0, scored = 0; row < keys.Length; row++)
            {
                if (known[row] is { } answer) answer.WriteTo(predictions, row);
                else new Answer(batch.Rows[row], fresh!, scored++).WriteTo(predictions, row);
            }

            return predictions;
        }
    }

    public void Probe(int lane) => model.Probe(lane);

    public void Dispose() => model.Dispose();

    private void Remember(List<TokenRow> rows, Predictions predictions)
    {
        lock (_gate)
        {
            for (var row = 0; row < rows.Count; row++)
            {
                var key = Key(rows[row]);
                if (!_answers.ContainsKey(key))
                {
                    if (_byAge.Count == capacity) _answers.Remove(_byAge.Dequeue());
                    _byAge.Enqueue(key);
                }

                _answers[key] = new(rows[row], predictions, row);
            }
        }
    }

    private static ulong Key(TokenRow row)
    {
        var window = row.Event.Tokens.Windows[row.Window];
        var key = (ulong)window.Length;
        foreach (var token in row.Event.Tokens.Tokens.Slice(window.Start, window.Length))
            key = BitOperations.RotateLeft((key ^ Packed(token.Id, token.Case)) * 0x9E37_79B9_7F4A_7C15, 29);
        return key;
    }

    private static uint Packed(int id, byte letterCase) => ((uint)id << 2) | letterCase;

    private sealed class Answer
    {
        private readonly uint[] _row;
        private readonly float[][] _scores;
        private readonly int[]?[] _tags;

        public Answer(TokenRow row, Predictions predictions, int place)
        {
            var window = row.Event.Tokens.Windows[row.Window];
            var tokens = row.Event.Tokens.Tokens.Slice(window.Start, window.Length);
            _row = new uint[tokens.Length];
            for (var i = 0; i < tokens.Length; i++) _row[i] = Packed(tokens[i].Id, tokens[i].Case);
            var length = tokens.Length + 2;
            _scores = new float[predictions.Tasks.Count][];
            _tags = new int[]?[predictions.Tasks.Count];
            for (var task = 0; task < _scores.Length; task++)
            {
                var tokenLevel = predictions.Tasks[task].IsTokenLevel;
                _scores[task] = tokenLevel ? predictions.TagScores(task, place)[..length].ToArray() : predictions.Probabilities(task, place).ToArray();
                if (tokenLevel) _tags[task] = predictions.Tags(task, place)[..length].ToArray();
            }
        }

        public bool IsFor(TokenRow row)
        {
            var window = row.Event.Tokens.Windows[row.Window];
            var tokens = row.Event.Tokens.Tokens.Slice(window.Start, window.Length);
            if (tokens.Length != _row.Length) return false;
            for (var i = 0; i < tokens.Length; i++)
            {
                if (Packed(tokens[i].Id, tokens[i].Case) != _row[i]) return false;
            }

            return true;
        }

        public void WriteTo(Predictions predictions, int row)
        {
            for (var task = 0; task < _scores.Length; task++)
            {
                _scores[task].CopyTo(_tags[task] is null ? predictions.Probabilities(task, row) : predictions.TagScores(task, row));
                _tags[task]?.CopyTo(predictions.Tags(task, row));
            }
        }
    }
}
