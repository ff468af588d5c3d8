using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What the model said about every window of a long text, for one task. A view, owns nothing.</summary>
/// <param name="cells">Of each window as many as the task is wide, one window behind the other.</param>
/// <param name="paddedLength">Tokens of the longest window, [CLS] and [SEP] included.</param>
public readonly ref struct WindowValues(ModelTask task, TokenizedText text, Span<float> cells, int paddedLength)
{
    private readonly Span<float> _cells = cells;

    public int Count => text.Windows.Length;

    /// <summary>What was said about one window.</summary>
    public TaskValues this[int window]
    {
        get
        {
            var width = task.Width(paddedLength);
            return new(task, _cells.Slice(window * width, width), paddedLength);
        }
    }

    /// <summary>
    /// The tokens that belong to a window: from the middle of the overlap before it to the middle of the one after it, so that a
    /// token that two windows share belongs to the one in which it has more context.
    /// </summary>
    public (int First, int End) Owned(int window)
    {
        var windows = text.Windows;
        var first = window == 0 ? 0 : Boundary(windows[window - 1], windows[window]);
        var last = window == windows.Length - 1;
        return (first, last ? text.Tokens.Length : Boundary(windows[window], windows[window + 1]));
    }

    /// <summary>The mean of a per-text output over the windows, each weighted by the tokens that belong to it.</summary>
    public void Average(int output, Span<float> mean)
    {
        mean.Clear();
        for (var window = 0; window < Count; window++)
        {
            var (first, end) = Owned(window);
            var weight = (end - first) / (float)text.Tokens.Length;
            var values = this[window].Floats(output);
            for (var i = 0; i < mean.Length; i++) mean[i] += weight * values[i];
        }
    }

    /// <summary>Puts a per-token output together: every token from the window that it belongs to.</summary>
    /// <param name="merged">As wide as the whole text, [CLS] and [SEP] included, which are left alone.</param>
    public void Join(int output, Span<float> merged)
    {
        for (var window = 0; window < Count; window++)
        {
            var (first, end) = Owned(window);
            var start = text.Windows[window].Start;
            this[window].Floats(output)[(first - start + 1)..(end - start + 1)].CopyTo(merged[(first + 1)..]);
        }
    }

    private static int Boundary(TokenWindow left, TokenWindow right) => (right.Start + left.Start + left.Length + 1) / 2;
}
