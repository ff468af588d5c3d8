using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>Puts the windows of a long text together again.</summary>
/// <remarks>
/// Token-level tasks: a token that two windows share takes its label from the one in which it has more context, so the first
/// half of an overlap belongs to the earlier window and the rest to the later one. Text-level tasks: the mean of the windows'
/// probabilities, each weighted by the tokens that belong to it. Windows may be added from several threads at once: each writes
/// only what belongs to it. <see cref="Merged"/> may be read once all are added.
/// </remarks>
public sealed class WindowMerge(IReadOnlyList<ModelTask> tasks, TokenizedText text) : IDisposable
{
    private readonly Predictions _windows = Predictions.Rent(tasks, text.Windows.Length, 0); // text-level probabilities of each window
    private readonly Predictions _merged = Predictions.Rent(tasks, 1, text.Tokens.Length + 2);
    private bool _averaged;

    /// <summary>Copies what belongs to a window out of a scored batch.</summary>
    /// <param name="row">The window's row in <paramref name="predictions"/>.</param>
    public void Add(int window, Predictions predictions, int row)
    {
        var (first, end) = Owned(window);
        var start = text.Windows[window].Start;
        (_merged.Model, _merged.Tasks) = (predictions.Model, predictions.Tasks); // all windows of a text go to one version
        for (var task = 0; task < tasks.Count; task++)
        {
            if (!tasks[task].IsTokenLevel)
            {
                predictions.Probabilities(task, row).CopyTo(_windows.Probabilities(task, window));
                continue;
            }

            var from = (first - start + 1)..(end - start + 1); // column 0 is [CLS]
            predictions.Tags(task, row)[from].CopyTo(_merged.Tags(task, 0)[(first + 1)..]);
            predictions.TagScores(task, row)[from].CopyTo(_merged.TagScores(task, 0)[(first + 1)..]);
        }
    }

    /// <summary>One row over all tokens of the text. Owned by this object.</summary>
    public Predictions Merged
    {
        get
        {
            if (!_averaged) Average();
            _averaged = true;
            return _merged;
        }
    }

    public void Dispose()
    {
        _windows.Dispose();
        _merged.Dispose();
    }

    /// <summary>The tokens that belong to a window: from the middle of the overlap before it to the middle of the one after it.</summary>
    private (int First, int End) Owned(int window)
    {
        var windows = text.Windows;
        return (window == 0 ? 0 : Boundary(windows[window - 1], windows[window]),
            window == windows.Length - 1 ? text.Tokens.Length : Boundary(windows[window], windows[window + 1]));

        static int Boundary(TokenWindow left, TokenWindow right) => (right.Start + left.Start + left.Length + 1) / 2;
    }

    private void Average()
    {
        for (var task = 0; task < tasks.Count; task++)
        {
            if (tasks[task].IsTokenLevel) continue;
            var mean = _merged.Probabilities(task, 0);
            mean.Clear();
            for (var window = 0; window < text.Windows.Length; window++)
            {
                var (first, end) = Owned(window);
                var weight = (end - first) / (float)text.Tokens.Length;
                var probabilities = _windows.Probabilities(task, window);
                for (var label = 0; label < mean.Length; label++) mean[label] += weight * probabilities[label];
            }
        }
    }
}
