using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>Puts the windows of a long text together again, each task in its own way: <see cref="ModelTask.Merge"/>.</summary>
/// <remarks>
/// Windows may be added from several threads at once: each writes only what is its own. Whoever adds the last one may read
/// <see cref="Failure"/> and <see cref="Merged"/>.
/// </remarks>
public sealed class WindowMerge(IReadOnlyList<ModelTask> tasks, TokenizedText text) : IDisposable
{
    private readonly Predictions _windows = new(tasks, text.Windows.Length, Longest(text));
    private readonly Predictions _merged = new(tasks, 1, text.Tokens.Length + 2);
    private int _left = text.Windows.Length;
    private volatile string? _failure;
    private bool _isMerged;

    /// <summary>Why the model refused one of the windows; null when none was refused.</summary>
    public string? Failure => _failure;

    /// <summary>Takes note that a window was refused. True when it was the last one.</summary>
    public bool Refuse(string failure)
    {
        _failure = failure;
        return Interlocked.Decrement(ref _left) == 0;
    }

    /// <summary>Copies what was said about a window out of a scored batch. True when it was the last one.</summary>
    /// <param name="sequence">The window's place in <paramref name="predictions"/>.</param>
    public bool Add(int window, Predictions predictions, int sequence)
    {
        _merged.Model = predictions.Model; // all windows of a text go to one version
        _merged.Tasks = predictions.Tasks;
        for (var task = 0; task < tasks.Count; task++)
            predictions.Of(task, sequence).CopyTo(_windows.Of(task, window), text.SequenceLength(window));
        return Interlocked.Decrement(ref _left) == 0;
    }

    /// <summary>One sequence over all tokens of the text. Owned by this object.</summary>
    public Predictions Merged
    {
        get
        {
            if (_isMerged) return _merged;
            for (var task = 0; task < tasks.Count; task++)
            {
                var windows = new WindowValues(tasks[task], text, _windows.CellsOf(task), _windows.PaddedLength);
                tasks[task].Merge(windows, _merged.Of(task, 0));
            }

            _isMerged = true;
            return _merged;
        }
    }

    public void Dispose()
    {
        _windows.Dispose();
        _merged.Dispose();
    }

    private static int Longest(TokenizedText text)
    {
        var longest = 0;
        for (var window = 0; window < text.Windows.Length; window++) longest = Math.Max(longest, text.SequenceLength(window));
        return longest;
    }
}
