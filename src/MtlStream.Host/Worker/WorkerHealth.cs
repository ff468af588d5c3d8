using System.Globalization;
using MtlStream.Delivery;

namespace MtlStream.Host.Worker;

/// <summary>What the probes are told. Thread-safe.</summary>
internal sealed class WorkerHealth
{
    private volatile bool _draining;
    private volatile string? _failure;
    private volatile ITransport? _transport;
    private volatile Func<string?>? _waits;

    /// <summary>The model is loaded and warmed up; from now on the transport says whether events can come.</summary>
    /// <param name="waits">Why events wait although they come, in a sentence without its full stop; null when they do not.</param>
    public void Serving(ITransport transport, Func<string?>? waits = null)
    {
        _waits = waits;
        _transport = transport;
    }

    /// <summary>A stop was asked for: no new work should come here.</summary>
    public void Draining() => _draining = true;

    public void Failed(string reason) => _failure = reason;

    /// <summary>In one word: <c>failed</c>, <c>starting</c>, <c>stopping</c>, <c>not_ready</c> or <c>ready</c>.</summary>
    public string State
    {
        get
        {
            if (Live() is not null) return "failed";
            if (Startup() is not null) return "starting";
            if (_draining) return "stopping";
            return Ready() is null ? "ready" : "not_ready";
        }
    }

    /// <returns>What is missing; null when the worker has started.</returns>
    public string? Startup() => _failure ?? (_transport is null ? "the model is being loaded and warmed up" : null);

    /// <returns>What is missing; null when the worker can take events.</returns>
    public string? Ready() => Startup() ?? (_draining ? "the worker is stopping" : _transport?.NotReadyBecause ?? _waits?.Invoke());

    /// <summary>Does not depend on the brokers: restarting the worker would not bring one back. A client that hangs it would.</summary>
    /// <returns>What is broken; null when the worker lives.</returns>
    public string? Live()
    {
        if (_failure is { } failure) return failure;
        if (_transport?.LostFor is not { } time) return null;
        return string.Create(CultureInfo.InvariantCulture, $"the client of the broker has not come back from a call for {time.TotalMinutes:0} minutes");
    }
}
