using MtlStream.Events;
using MtlStream.Inference;

namespace MtlStream.Tokenization;

/// <summary>An event ready for the model. Owns the event and its tokens.</summary>
public sealed class TokenizedEvent(TextEvent decoded, TokenizedText tokens, WindowMerge? merge = null) : IDisposable
{
    private int _windowsLeft = tokens.Windows.Length;
    private volatile string? _failure;

    public TextEvent Event { get; } = decoded;
    public TokenizedText Tokens { get; } = tokens;

    /// <summary>Collects the windows of a long text; null when there is only one.</summary>
    public WindowMerge? Merge { get; } = merge;

    /// <summary>Why the model refused one of its windows; null when none was refused.</summary>
    public string? Failure => _failure;

    /// <summary>Notes that a window is scored or, with a reason, refused. True when it was the last one. Thread-safe.</summary>
    public bool WindowDone(string? failure)
    {
        if (failure is not null) _failure = failure;
        return Interlocked.Decrement(ref _windowsLeft) == 0;
    }

    public void Dispose()
    {
        Event.Dispose();
        Tokens.Dispose();
        Merge?.Dispose();
    }
}
