using System.Runtime.InteropServices;

namespace MtlStream.Tasks;

/// <summary>What the model said about one sequence, for one task: its outputs one behind the other. A view, owns nothing.</summary>
/// <remarks>Of a per-token output, element 0 is [CLS]; token t of the sequence is element t + 1.</remarks>
public readonly ref struct TaskValues
{
    private readonly ModelTask _task;
    private readonly Span<float> _cells; // 4 bytes each, whatever they hold
    private readonly int _paddedLength;

    /// <param name="cells">Exactly the task's <see cref="ModelTask.Width"/> for <paramref name="paddedLength"/>.</param>
    /// <param name="paddedLength">Tokens that per-token outputs have room for, [CLS] and [SEP] included.</param>
    public TaskValues(ModelTask task, Span<float> cells, int paddedLength)
    {
        _task = task;
        _cells = cells;
        _paddedLength = paddedLength;
    }

    /// <summary>A float32 output, as wide as the padded length asks for.</summary>
    /// <param name="output">Index in the task's <see cref="ModelTask.Outputs"/>.</param>
    public Span<float> Floats(int output = 0)
    {
        var start = 0;
        for (var before = 0; before < output; before++) start += _task.Outputs[before].Width(_paddedLength);
        return _cells.Slice(start, _task.Outputs[output].Width(_paddedLength));
    }

    /// <summary>An int32 output, likewise.</summary>
    public Span<int> Ids(int output = 0) => MemoryMarshal.Cast<float, int>(Floats(output));

    /// <summary>Copies the outputs of a sequence of <paramref name="length"/> tokens; what is behind them is left alone.</summary>
    /// <param name="to">Of a task with the same outputs; its padded length may differ.</param>
    public void CopyTo(TaskValues to, int length)
    {
        for (var output = 0; output < _task.Outputs.Count; output++)
            Floats(output)[.._task.Outputs[output].Width(length)].CopyTo(to.Floats(output));
    }
}
