using Microsoft.Extensions.Logging;

namespace MtlStream.Kafka;

/// <summary>Lets publishing through or holds it, counts what is with the client, and keeps why nothing can be written any more.</summary>
internal sealed class PublishGate(PollSignal signal, ILogger logger)
{
    private TaskCompletionSource _opened = NewSignal();
    private TaskCompletionSource? _idle;
    private volatile Exception? _failure;
    private int _unreported;

    /// <summary>Held while a record is given to the client, and while the gate opens or closes.</summary>
    public Lock Lock { get; } = new();

    /// <summary>To be read under <see cref="Lock"/>.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Ends when the gate is opened next, or nothing can be written any more. To be read under <see cref="Lock"/>.</summary>
    public Task Opened => _opened.Task;

    /// <summary>Why nothing can be written any more; null while it can.</summary>
    public Exception? Failure => _failure;

    /// <summary>Records that were given to the client and are not reported yet.</summary>
    public int Unreported => Volatile.Read(ref _unreported);

    /// <summary>True while somebody waits until everything is reported.</summary>
    public bool IdleIsAwaited
    {
        get { lock (Lock) return _idle is not null; }
    }

    public void Open()
    {
        lock (Lock)
        {
            if (IsOpen || _failure is not null) return;
            IsOpen = true;
            _opened.TrySetResult();
        }
    }

    public void Close()
    {
        lock (Lock)
        {
            if (!IsOpen) return;
            IsOpen = false;
            _opened = NewSignal();
            if (_failure is not null) _opened.TrySetResult();
        }
    }

    /// <summary>Ends the run: nothing can be written any more, and dropping events is not an option. Any thread.</summary>
    public void Fail(string reason)
    {
        lock (Lock)
        {
            if (_failure is not null) return;
            _failure = new IOException(reason);
            IsOpen = false;
            _opened.TrySetResult(); // whoever waits looks at the failure
            _idle?.TrySetResult();
        }

        logger.Failed(reason);
        signal.Set();
    }

    /// <exception cref="IOException">Nothing can be written any more.</exception>
    public void ThrowIfFailed()
    {
        if (_failure is { } failure) throw new IOException(failure.Message, failure);
    }

    public void Sent() => Interlocked.Increment(ref _unreported);

    public void NotSent() => Interlocked.Decrement(ref _unreported);

    public void Reported(int records = 1)
    {
        if (Interlocked.Add(ref _unreported, -records) > 0) return;
        lock (Lock)
        {
            _idle?.TrySetResult();
            _idle = null;
        }
    }

    /// <summary>Completes when everything sent is reported.</summary>
    /// <exception cref="IOException">Nothing can be written any more.</exception>
    public async Task WhenIdleAsync(CancellationToken abort)
    {
        while (true)
        {
            Task idle;
            lock (Lock)
            {
                ThrowIfFailed();
                if (Unreported == 0) return;
                idle = (_idle ??= NewSignal()).Task;
            }

            signal.Set();
            await idle.WaitAsync(abort);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
