using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>What the model said about a batch. Owns its buffer.</summary>
/// <remarks>
/// The buffer holds one task behind the other, of each task one sequence behind the other, of each sequence the task's outputs:
/// see <see cref="TaskValues"/>. A merged long text is one sequence as long as the text.
/// </remarks>
public sealed class Predictions : IDisposable
{
    private readonly PooledArray<float> _cells; // 4 bytes each, whatever they hold
    private readonly int[] _starts; // of each task

    /// <summary>Room for a batch; contents are not cleared.</summary>
    /// <param name="paddedLength">Tokens of the longest sequence, [CLS], [SEP] and padding included.</param>
    public Predictions(IReadOnlyList<ModelTask> tasks, int sequences, int paddedLength)
    {
        Tasks = tasks;
        Sequences = sequences;
        PaddedLength = paddedLength;
        _starts = new int[tasks.Count];
        var cells = 0;
        for (var task = 0; task < _starts.Length; task++)
        {
            _starts[task] = cells;
            cells = checked(cells + (sequences * tasks[task].Width(paddedLength)));
        }

        _cells = new(cells);
    }

    public int Sequences { get; }
    public int PaddedLength { get; }

    /// <summary>The model that said it; null when there is only one that could have.</summary>
    public ModelIdentity? Model { get; set; }

    /// <summary>The trial during which it was said; null without one, and for texts of several windows.</summary>
    public IModelTrial? Trial { get; set; }

    /// <summary>Tokens that the device computed for this batch, padding included: none for sequences that others, or earlier ones, answer.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens of padding among them: a model that takes sequences one by one computes none.</summary>
    public int Padding { get; set; }

    /// <summary>Tasks in the order of the index that <see cref="Of"/> takes.</summary>
    public IReadOnlyList<ModelTask> Tasks { get; }

    /// <summary>What was said about one sequence, for one task. Valid until this object is disposed.</summary>
    public TaskValues Of(int task, int sequence)
    {
        var width = Tasks[task].Width(PaddedLength);
        return new(Tasks[task], _cells.Span.Slice(_starts[task] + (sequence * width), width), PaddedLength);
    }

    /// <summary>What was said about all sequences, for one task, as windows of a text.</summary>
    internal Span<float> CellsOf(int task) => _cells.Span.Slice(_starts[task], Sequences * Tasks[task].Width(PaddedLength));

    public void Dispose() => _cells.Dispose();
}
