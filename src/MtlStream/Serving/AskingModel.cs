using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Serving;

/// <summary>A question that texts are asked.</summary>
/// <param name="Name">What results call it.</param>
/// <param name="Tokens">None for the one that events bring with them.</param>
public sealed record AskedQuestion(string Name, IReadOnlyList<Token> Tokens);

/// <summary>A model that also answers questions about every text, by another one that reads question and text. Owns both. Thread-safe per worker.</summary>
/// <remarks>
/// One more pass for each question of each text, all questions of a batch in one call of the other model. A text that is too long
/// beside a question is read in windows; the answer is the likeliest of all.
/// </remarks>
/// <param name="answering">Has one task, an <see cref="AnswerSpanTask"/>, and as many workers.</param>
/// <param name="maxTokens">Most tokens of a sequence, [CLS] and [SEP] included.</param>
/// <param name="counted">Takes rows and tokens of what was asked beside a batch.</param>
public sealed class AskingModel(
    IMultitaskModel model, IMultitaskModel answering, IReadOnlyList<AskedQuestion> questions, int maxTokens, Action<int, int>? counted = null) : IMultitaskModel
{
    private const int LongestQuestion = 40;
    private const int Overlap = 48;
    private const int SpecialTokens = 3; // [CLS] question [SEP] text [SEP]

    private readonly AnswerSpanTask _span = (AnswerSpanTask)answering.Tasks[0];
    private readonly AnswersTask _answers = new(answering.Tasks[0].Name, [.. questions.Select(q => q.Name)]);
    private IReadOnlyList<ModelTask>? _tasks;

    public ModelIdentity Identity => model.Identity;
    public IReadOnlyList<ModelTask> Tasks => _tasks ??= [.. model.Tasks, _answers];
    public BatchShape Shape => model.Shape;
    public int Workers => model.Workers;

    public Predictions Predict(TokenBatch batch, int worker)
    {
        using var said = model.Predict(batch, worker);
        var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength) { Computed = said.Computed, Padding = said.Padding, Model = said.Model };
        try
        {
            for (var task = 0; task < said.Tasks.Count; task++)
                for (var sequence = 0; sequence < said.Sequences; sequence++) said.Of(task, sequence).CopyTo(predictions.Of(task, sequence), said.PaddedLength);
            Ask(batch, worker, predictions);
            return predictions;
        }
        catch
        {
            predictions.Dispose();
            throw;
        }
    }

    public void Probe(int worker)
    {
        model.Probe(worker);
        answering.Probe(worker);
    }

    public void Dispose()
    {
        model.Dispose();
        answering.Dispose();
    }

    private void Ask(TokenBatch batch, int worker, Predictions predictions)
    {
        var rows = new List<Row>();
        for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
        {
            var values = predictions.Of(model.Tasks.Count, sequence);
            for (var question = 0; question < questions.Count; question++)
            {
                AnswersTask.Skip(values, question);
                if (batch.Sequences[sequence].Window > 0) continue; // asked of the whole text, with its first window
                var tokens = batch.Sequences[sequence].Tokens;
                var asked = questions[question].Tokens.Count > 0 ? questions[question].Tokens : tokens.Question;
                if (asked.Count > 0) AddRows(rows, sequence, question, asked, tokens);
            }
        }

        if (rows.Count == 0) return;
        var pairs = new TokenBatch([.. rows.Select(r => new TokenSequence(r.Pair, 0))], answering.Shape.PadTo(rows.Max(r => r.Pair.SequenceLength(0))), batch.Trigger);
        using var answers = answering.Predict(pairs, worker);
        predictions.Computed += answers.Computed;
        predictions.Padding += answers.Padding;
        counted?.Invoke(rows.Count, pairs.Tokens);
        Note(rows, answers, predictions);
    }

    private void AddRows(List<Row> rows, int sequence, int question, IReadOnlyList<Token> asked, TokenizedText text)
    {
        var length = Math.Min(asked.Count, Math.Min(LongestQuestion, maxTokens / 3));
        var room = maxTokens - length - SpecialTokens;
        var step = Math.Max(1, room - Math.Min(Overlap, room / 2));
        for (var start = 0; ; start += step)
        {
            var count = Math.Min(room, text.Tokens.Length - start);
            rows.Add(new(sequence, question, start, count, length + 2, text.After(asked, length, start, count)));
            if (start + count >= text.Tokens.Length) return;
        }
    }

    /// <summary>Of the windows of a text, what the likeliest answer is.</summary>
    private void Note(List<Row> rows, Predictions answers, Predictions predictions)
    {
        for (var row = 0; row < rows.Count;)
        {
            var of = rows[row];
            var best = (First: -1, Last: -1, Margin: float.NegativeInfinity);
            for (; row < rows.Count && rows[row].Sequence == of.Sequence && rows[row].Question == of.Question; row++)
            {
                var (first, last, margin) = AnswerSpanTask.Best(answers.Of(0, row).Floats(), rows[row].First, rows[row].Count);
                if (margin > best.Margin) best = (rows[row].Start + first, rows[row].Start + last, margin);
            }

            AnswersTask.Note(predictions.Of(model.Tasks.Count, of.Sequence), of.Question, best.First, best.Last, best.Margin - _span.Margin);
        }
    }

    /// <summary>A question and a part of a text: <paramref name="Count"/> tokens from <paramref name="Start"/> on, which are those from <paramref name="First"/> on of the pair.</summary>
    private readonly record struct Row(int Sequence, int Question, int Start, int Count, int First, TokenizedText Pair);
}
