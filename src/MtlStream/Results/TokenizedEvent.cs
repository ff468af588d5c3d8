using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Results;

/// <summary>An event ready for the model. Owns the event and its tokens.</summary>
public sealed class TokenizedEvent(TextEvent decoded, TokenizedText tokens, WindowMerge? merge = null) : IDisposable
{
    private int _windowsLeft = tokens.Windows.Length;
    private volatile string? _failure;
    private IDisposable? _pinned;

    public TextEvent Event { get; } = decoded;
    public TokenizedText Tokens { get; } = tokens;

    /// <summary>Collects the windows of a long text; null when there is only one.</summary>
    public WindowMerge? Merge { get; } = merge;

    /// <summary>Why the model refused one of its windows; null when none was refused.</summary>
    public string? Failure => _failure;

    /// <summary>The tokens in buffers of their own, without the text and without windows to merge. The caller owns it.</summary>
    public TokenizedEvent Copy() => new(new(Event.Source, new PooledArray<char>(0), default), Tokens.Copy());

    /// <summary>Holds on to the version of the model that scores the first of several windows, so that all go to the same one.</summary>
    /// <param name="lease">Let go with the event; when another lane was first, the caller keeps it.</param>
    /// <returns>The lease that holds: <paramref name="lease"/>, or the one of the lane that was first. Thread-safe.</returns>
    public IDisposable Pin(IDisposable lease) => Interlocked.CompareExchange(ref _pinned, lease, null) ?? lease;

    /// <summary>The lease that <see cref="Pin"/> has set; null before the first window is scored.</summary>
    public IDisposable? Pinned => Volatile.Read(ref _pinned);

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
        _pinned?.Dispose();
    }
}
