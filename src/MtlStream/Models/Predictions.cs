using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>What the model said about a batch. Owns its buffers.</summary>
/// <remarks>
/// Text-level task: probabilities [rows, labels], row-major. Token-level task: label ids and their probabilities, both
/// [rows, columns]; column 0 is [CLS], token t of the row is in column t + 1. A merged long text is one row as wide as the text.
/// </remarks>
public sealed class Predictions(
    IReadOnlyList<ModelTask> tasks, int rows, int columns,
    IReadOnlyList<PooledArray<float>> scores, IReadOnlyList<PooledArray<int>?> tags) : IDisposable
{
    public int Rows { get; } = rows;
    public int Columns { get; } = columns;

    /// <summary>The model that said it; null when there is only one that could have.</summary>
    public ModelIdentity? Model { get; set; }

    /// <summary>Tokens that the device computed for this batch, padding included: none for rows that others, or earlier ones, answer.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens of padding among them: a model that takes rows one by one computes none.</summary>
    public int Padding { get; set; }

    /// <summary>Tasks in the order of the index that the accessors take.</summary>
    public IReadOnlyList<ModelTask> Tasks { get; internal set; } = tasks;

    /// <summary>Probability of each label of a text-level task.</summary>
    public Span<float> Probabilities(int task, int row)
    {
        var labels = Tasks[task].Labels.Count;
        return scores[task].Span.Slice(row * labels, labels);
    }

    /// <summary>Label id of each column of a token-level task.</summary>
    public Span<int> Tags(int task, int row) => tags[task]!.Span.Slice(row * Columns, Columns);

    /// <summary>Probability of that label.</summary>
    public Span<float> TagScores(int task, int row) => scores[task].Span.Slice(row * Columns, Columns);

    /// <summary>Room for a batch; contents are not cleared.</summary>
    public static Predictions Rent(IReadOnlyList<ModelTask> tasks, int rows, int columns) => new(
        tasks, rows, columns,
        [.. tasks.Select(t => new PooledArray<float>(rows * (t.IsTokenLevel ? columns : t.Labels.Count)))],
        [.. tasks.Select(t => t.IsTokenLevel ? new PooledArray<int>(rows * columns) : null)]);

    public void Dispose()
    {
        foreach (var buffer in scores) buffer.Dispose();
        foreach (var buffer in tags) buffer?.Dispose();
    }
}
