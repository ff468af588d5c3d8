namespace MtlStream.Host.Worker;

/// <summary>What the probes are told. Thread-safe.</summary>
internal sealed class WorkerHealth
{
    /// <summary>Longer than the group waits for a worker that does not poll (<c>max.poll.interval.ms</c>, five minutes unless set).</summary>
    private static readonly TimeSpan s_lost = TimeSpan.FromMinutes(6);

    private volatile bool _modelReady;
    private volatile bool _draining;
    private volatile string? _failure;
    private volatile Func<TimeSpan> _stalled = () => TimeSpan.Zero;
    private volatile Func<string?> _broker = () => "the Kafka client has not been started";

    /// <summary>The model is loaded and every bucket warmed up.</summary>
    /// <param name="broker">Says what keeps the Kafka side from being ready; null when nothing does.</param>
    /// <param name="stalled">How long the Kafka client has been inside one call.</param>
    public void ModelReady(Func<string?> broker, Func<TimeSpan> stalled)
    {
        (_broker, _stalled) = (broker, stalled);
        _modelReady = true;
    }

    /// <summary>A stop was asked for: no new work should come here.</summary>
    public void Draining() => _draining = true;

    public void Failed(string reason) => _failure = reason;

    /// <returns>What is missing; null when the worker has started.</returns>
    public string? Startup() => _failure ?? (_modelReady ? null : "the model is being loaded and warmed up");

    /// <returns>What is missing; null when the worker can take events.</returns>
    public string? Ready() => Startup() ?? (_draining ? "the worker is stopping" : _broker());

    /// <summary>Does not depend on the brokers: restarting the worker would not bring one back. A client that hangs it would.</summary>
    /// <returns>What is broken; null when the worker lives.</returns>
    public string? Live() => _failure ?? (_stalled() is var time && time > s_lost ? $"the Kafka client has not come back from a call for {time.TotalMinutes:0} minutes" : null);
}
