using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>Puts the windows of a long text together again, each task in its own way: <see cref="ModelTask.Merge"/>.</summary>
/// <remarks>
/// Windows may be added from several threads at once: each writes only what is its own. Whoever adds the last one may read
/// <see cref="Failure"/> and <see cref="Merged"/>. All windows of a text are scored by one model; its tasks are known from the first.
/// </remarks>
public sealed class WindowMerge(TokenizedText text) : IDisposable
{
    private Room? _room; // made by the first window that was scored
    private int _left = text.Windows.Length;
    private volatile Exception? _failure;

    /// <summary>Why there is nothing about one of the windows; null when there is about all.</summary>
    public Exception? Failure => _failure;

    /// <summary>Takes note that nothing can be said about a window. True when it was the last one.</summary>
    public bool Refuse(Exception failure)
    {
        _failure = failure;
        return Interlocked.Decrement(ref _left) == 0;
    }

    /// <summary>Copies what was said about a window out of a scored batch. True when it was the last one.</summary>
    /// <param name="sequence">The window's place in <paramref name="predictions"/>.</param>
    public bool Add(int window, Predictions predictions, int sequence)
    {
        RoomFor(predictions).Take(window, predictions, sequence, text.SequenceLength(window));
        return Interlocked.Decrement(ref _left) == 0;
    }

    /// <summary>One sequence over all tokens of the text. Owned by this object.</summary>
    /// <exception cref="InvalidOperationException">No window was added.</exception>
    public Predictions Merged => (_room ?? throw new InvalidOperationException("No window of the text was scored.")).Merged(text);

    public void Dispose() => _room?.Dispose();

    private Room RoomFor(Predictions predictions)
    {
        if (Volatile.Read(ref _room) is { } there) return there;
        var made = new Room(predictions, text);
        if (Interlocked.CompareExchange(ref _room, made, null) is not { } first) return made;
        made.Dispose();
        return first;
    }

    /// <summary>Room for what a model says about each window, and about the whole.</summary>
    private sealed class Room : IDisposable
    {
        private readonly Predictions _windows;
        private readonly Predictions _merged;
        private bool _isMerged;

        public Room(Predictions like, TokenizedText text)
        {
            _windows = new(like.Tasks, text.Windows.Length, Longest(text));
            _merged = new(like.Tasks, 1, text.Tokens.Length + 2) { Model = like.Model };
        }

        public void Take(int window, Predictions predictions, int sequence, int length)
        {
            for (var task = 0; task < _windows.Tasks.Count; task++)
                predictions.Of(task, sequence).CopyTo(_windows.Of(task, window), length);
        }

        public Predictions Merged(TokenizedText text)
        {
            if (_isMerged) return _merged;
            for (var task = 0; task < _merged.Tasks.Count; task++)
            {
                var windows = new WindowValues(_merged.Tasks[task], text, _windows.CellsOf(task), _windows.PaddedLength);
                _merged.Tasks[task].Merge(windows, _merged.Of(task, 0));
            }

            _isMerged = true;
            return _merged;
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
}
