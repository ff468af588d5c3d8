using MtlStream.IntegrationTests.Kafka;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>A changing number of workers; one that ends is started again, as an orchestrator does.</summary>
internal sealed class WorkerPool(Func<WorkerProcess> start) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<WorkerProcess> _workers = [];
    private readonly Dictionary<int, int> _exits = [];
    private readonly List<string> _lastLines = [];
    private int _wanted;
    private int _started;
    private bool _disposed;

    /// <summary>Processes started in all.</summary>
    public int Started => _started;

    /// <summary>How often each exit code was seen. 137: killed.</summary>
    public IReadOnlyDictionary<int, int> Exits => _exits;

    public int Running
    {
        get { lock (_lock) return _workers.Count; }
    }

    /// <summary>The exits so far, and the last lines of workers that ended by themselves with a failure, and of those that run.</summary>
    public string Log
    {
        get { lock (_lock) return $"exits: {string.Join(", ", _exits.Select(e => $"{e.Value} x {e.Key}"))}\n{string.Join("\n---\n", _lastLines.TakeLast(3).Concat(_workers.Select(w => w.Log)))}"; }
    }

    public void SetWanted(int workers)
    {
        lock (_lock) _wanted = workers;
        Tend();
    }

    public int Wanted
    {
        get { lock (_lock) return _wanted; }
    }

    /// <summary>Removes what has ended and starts what is missing.</summary>
    public void Tend()
    {
        lock (_lock)
        {
            foreach (var ended in _workers.Where(w => w.HasExited).ToList())
            {
                _exits[ended.ExitCode] = _exits.GetValueOrDefault(ended.ExitCode) + 1;
                if (ended.ExitCode == 1) _lastLines.Add(ended.Log);
                _workers.Remove(ended);
                ended.Dispose();
            }

            for (; _workers.Count < _wanted && !_disposed; _started++) _workers.Add(start());
        }
    }

    /// <summary>A worker that runs; null when there is none.</summary>
    public WorkerProcess? Any(Random random)
    {
        lock (_lock) return _workers.Count == 0 ? null : _workers[random.Next(_workers.Count)];
    }

    /// <summary>Stops all in order and waits for them.</summary>
    public async Task StopAsync()
    {
        List<WorkerProcess> workers;
        lock (_lock)
        {
            _wanted = 0;
            workers = [.. _workers];
        }

        foreach (var worker in workers) worker.SendTerminate();
        foreach (var worker in workers) await worker.EndedAsync();
        Tend();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true; // whoever tends it may do so once more
            foreach (var worker in _workers) worker.Dispose();
            _workers.Clear();
        }
    }
}
