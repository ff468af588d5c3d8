namespace MtlStream;

/// <summary>Bytes that may be held at once. Thread-safe; one at a time takes.</summary>
internal sealed class ByteBudget(long most)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _room;
    private long _held;

    /// <summary>True when there is room. What is above the limit all by itself has room when nothing else is held.</summary>
    public bool TryTake(long bytes)
    {
        lock (_lock)
        {
            if (_held > 0 && _held + bytes > most) return false;
            _held += bytes;
            return true;
        }
    }

    /// <summary>As <see cref="TryTake"/>, and waits for the room.</summary>
    public async Task TakeAsync(long bytes, CancellationToken abort)
    {
        while (!TryTake(bytes))
        {
            Task room;
            lock (_lock) room = (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            if (TryTake(bytes)) return; // given back in between
            await room.WaitAsync(abort);
        }
    }

    public void GiveBack(long bytes)
    {
        lock (_lock)
        {
            _held -= bytes;
            _room?.TrySetResult();
            _room = null;
        }
    }
}
