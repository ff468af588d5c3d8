using MtlStream.Diagnostics;

namespace MtlStream.Host.Worker;

/// <summary>Work beside the stream, which goes on whatever becomes of it. Dispose ends it.</summary>
internal sealed class BackgroundWork(ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _running = [];

    /// <param name="name">What the log calls it where it fails.</param>
    public void Start(string name, Func<CancellationToken, Task> work) => _running.Add(Task.Run(() => RunAsync(name, work)));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_running);
        _stopping.Dispose();
    }

    private async Task RunAsync(string name, Func<CancellationToken, Task> work)
    {
        try
        {
            await work(_stopping.Token);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // as asked
        }
#pragma warning disable CA1031 // what is beside the stream must not end it
        catch (Exception exception)
#pragma warning restore CA1031
        {
            logger.BackgroundFailed(name, exception.WithoutMessages());
        }
    }
}
