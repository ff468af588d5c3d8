using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>A client whose calls end in time. One that does not answer, or breaks, is given up; the next call makes a new one.</summary>
/// <remarks>
/// Confluent.Kafka's admin client ends itself on an answer that it cannot read. Whoever waits for that answer waits for ever:
/// https://github.com/confluentinc/confluent-kafka-dotnet/issues/2471. One caller at a time.
/// </remarks>
/// <param name="make">Makes a client; what it throws, the call throws.</param>
internal sealed class BoundedClient<T>(Func<T> make, TimeProvider time) : IAsyncDisposable
    where T : class, IDisposable
{
    /// <summary>How long the end of a client may hold up a stop.</summary>
    private static readonly TimeSpan s_end = TimeSpan.FromMilliseconds(500);

    private T? _client;
    private Task _ending = Task.CompletedTask;

    /// <summary>Makes the client, so that what is wrong with its settings shows now.</summary>
    public void Open() => _client ??= make();

    /// <summary>Asks the client, on another thread. A refusal keeps the client; all else costs it.</summary>
    /// <exception cref="TimeoutException">No answer came within the limit.</exception>
    /// <exception cref="KafkaException">The client or the brokers refuse.</exception>
    public async Task<TAnswer> AskAsync<TAnswer>(Func<T, Task<TAnswer>> ask, TimeSpan limit, CancellationToken stopping)
    {
        stopping.ThrowIfCancellationRequested();
        var client = _client ??= make();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answer = Task.Run(() => Enter(client, ask, entered), CancellationToken.None);
        try
        {
            return await answer.WaitAsync(limit, time, stopping);
        }
        catch (KafkaException exception) when (!exception.Error.IsFatal)
        {
            throw;
        }
        catch
        {
            _client = null;
            _ending = EndAsync(client, entered.Task);
            throw;
        }
    }

    /// <summary>The next call makes a new client.</summary>
    public void Renew()
    {
        if (_client is not { } client) return;
        _client = null;
        _ending = EndAsync(client, Task.CompletedTask);
    }

    /// <summary>Ends the client; a call in progress is left behind.</summary>
    public async ValueTask DisposeAsync()
    {
        Renew();
        await _ending.WaitAsync(s_end, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static Task<TAnswer> Enter<TAnswer>(T client, Func<T, Task<TAnswer>> ask, TaskCompletionSource entered)
    {
        try
        {
            return ask(client);
        }
        finally
        {
            entered.SetResult(); // from here on no thread is inside the native library
        }
    }

    /// <summary>Disposes a client once no call is inside it: not under its feet.</summary>
    private static async Task EndAsync(T client, Task entered)
    {
        await entered.ConfigureAwait(false);
        await Task.Run(() =>
        {
            try
            {
                client.Dispose();
            }
#pragma warning disable CA1031 // one that has ended itself may throw anything, and nobody needs it any more
            catch (Exception)
#pragma warning restore CA1031
            {
                // it is gone
            }
        });
    }
}
