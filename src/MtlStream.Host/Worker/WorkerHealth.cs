namespace MtlStream.Host.Worker;

/// <summary>What the probes are told. Thread-safe.</summary>
internal sealed class WorkerHealth
{
    private volatile bool _modelReady;
    private volatile bool _draining;
    private volatile string? _failure;
    private volatile Func<TimeSpan?> _lost = () => null;
    private volatile Func<string?> _broker = () => "the Kafka client has not been started";

    /// <summary>The model is loaded and every bucket warmed up.</summary>
    /// <param name="broker">Says what keeps the Kafka side from being ready; null when nothing does.</param>
    /// <param name="lost">For how long the Kafka client has been inside a call that should be over; null when it is not.</param>
    public void ModelReady(Func<string?> broker, Func<TimeSpan?> lost)
    {
        (_broker, _lost) = (broker, lost);
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
    public string? Live() => _failure ?? (_lost() is { } time ? $"the Kafka client has not come back from a call for {time.TotalMinutes:0} minutes" : null);
}
