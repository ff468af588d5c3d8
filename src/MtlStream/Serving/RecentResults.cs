using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Serving;

/// <summary>A model that answers sequences it has scored lately from memory. Owns the model. Thread-safe per worker.</summary>
/// <remarks>
/// Two sequences are the same when all their token ids and letter cases are. What it trades: memory for each sequence kept (about 2 kB for
/// 32 tokens and seven tasks), a lock per batch, and on a GPU that a sequence's scores are those of the batch it was first in,
/// which differ from a fresh call's by rounding. Streams without repetition only pay. Off unless <c>Model:RecentResults</c> is set.
/// </remarks>
/// <param name="capacity">Most sequences kept; the oldest goes first, used or not.</param>
/// <param name="remembered">Takes how many sequences of a batch were answered from memory.</param>
public sealed class RecentResults(IMultitaskModel model, int capacity, Action<int>? remembered = null) : IMultitaskModel
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Answer> _answers = new(capacity);
    private readonly Queue<ulong> _byAge = new(capacity);

    public ModelIdentity Identity => model.Identity;
    public IReadOnlyList<ModelTask> Tasks => model.Tasks;
    public BatchShape Shape => model.Shape;
    public int Workers => model.Workers;

    public Predictions Predict(TokenBatch batch, int worker)
    {
        var (keys, known) = (new ulong[batch.Sequences.Count], new Answer?[batch.Sequences.Count]);
        var unknown = new List<TokenSequence>();
        lock (_gate)
        {
            for (var sequence = 0; sequence < keys.Length; sequence++)
            {
                keys[sequence] = batch.Sequences[sequence].ContentHash;
                if (_answers.TryGetValue(keys[sequence], out var answer) && answer.IsFor(batch.Sequences[sequence])) known[sequence] = answer;
                else unknown.Add(batch.Sequences[sequence]);
            }
        }

        if (unknown.Count < keys.Length) remembered?.Invoke(keys.Length - unknown.Count);
        var fresh = unknown.Count == 0 ? null
            : model.Predict(unknown.Count == keys.Length ? batch : new TokenBatch(unknown, batch.PaddedLength, batch.Trigger), worker);
        if (fresh is not null) Remember(unknown, fresh);
        if (unknown.Count == keys.Length) return fresh!;

        using (fresh)
        {
            var predictions = new Predictions(Tasks, keys.Length, batch.PaddedLength);
            (predictions.Computed, predictions.Padding) = (fresh?.Computed ?? 0, fresh?.Padding ?? 0);
            for (int sequence = 0, scored = 0; sequence < keys.Length; sequence++)
            {
                if (known[sequence] is { } answer) answer.WriteTo(predictions, sequence);
                else new Answer(batch.Sequences[sequence], fresh!, scored++).WriteTo(predictions, sequence);
            }

            return predictions;
        }
    }

    public void Probe(int worker) => model.Probe(worker);

    public void Dispose() => model.Dispose();

    private void Remember(List<TokenSequence> sequences, Predictions predictions)
    {
        lock (_gate)
        {
            for (var sequence = 0; sequence < sequences.Count; sequence++)
            {
                var key = sequences[sequence].ContentHash;
                if (!_answers.ContainsKey(key))
                {
                    if (_byAge.Count == capacity) _answers.Remove(_byAge.Dequeue());
                    _byAge.Enqueue(key);
                }

                _answers[key] = new(sequences[sequence], predictions, sequence);
            }
        }
    }

    /// <summary>What was said about a sequence, in memory of its own.</summary>
    private sealed class Answer
    {
        private readonly TokenSequence _sequence;
        private readonly float[][] _cells; // of each task

        public Answer(TokenSequence sequence, Predictions predictions, int place)
        {
            _sequence = new(TokenizedText.Of(sequence.Inner, clsId: 0, sepId: 0), 0);
            _cells = new float[predictions.Tasks.Count][];
            for (var task = 0; task < _cells.Length; task++)
            {
                var served = predictions.Tasks[task];
                _cells[task] = new float[served.Width(sequence.Length)];
                predictions.Of(task, place).CopyTo(new(served, _cells[task], sequence.Length), sequence.Length);
            }
        }

        public bool IsFor(TokenSequence sequence) => _sequence.HasSameContent(sequence);

        public void WriteTo(Predictions predictions, int place)
        {
            for (var task = 0; task < _cells.Length; task++)
                new TaskValues(predictions.Tasks[task], _cells[task], _sequence.Length).CopyTo(predictions.Of(task, place), _sequence.Length);
        }
    }
}
