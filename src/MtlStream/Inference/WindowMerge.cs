using MtlStream.Tokenization;

namespace MtlStream.Inference;

/// <summary>Puts the windows of a long text together again. Thread-safe.</summary>
public sealed class WindowMerge(IReadOnlyList<ModelTask> tasks, TokenizedText text) : IDisposable
{
    /// <summary>Takes over one window's row. True when it was the last one missing.</summary>
    public bool Add(int window, Predictions predictions, int row) => throw new NotImplementedException($"{tasks.Count}{text.Windows.Length}");

    /// <summary>One row over all tokens of the text. Owned by this object.</summary>
    public Predictions Merged => throw new NotImplementedException();

    public void Dispose()
    {
    }
}
