using System.Reflection;
using MtlStream.Delivery;
using MtlStream.Models;
using MtlStream.Serving;

namespace MtlStream.Host.Worker;

/// <summary>What <c>/status</c> and <c>mtlstream status</c> say of a worker.</summary>
/// <param name="State"><c>starting</c>, <c>ready</c>, <c>not_ready</c>, <c>stopping</c> or <c>failed</c>.</param>
/// <param name="Reason">Why it is not ready, in a clause; null when it is.</param>
/// <param name="Version">The program's.</param>
/// <param name="Model">The one that serves; null before it is loaded.</param>
/// <param name="Seconds">Since it began to serve; 0 before.</param>
/// <param name="EventsPerSecond">Published, rejected or dropped, over the last minute or two.</param>
/// <param name="Published">Since the start, as the other counts.</param>
/// <param name="RejectedByReason">Reasons that did not come are left out.</param>
/// <param name="Lag">Events that wait in all partitions together.</param>
/// <param name="Partitions">Those assigned now whose lag is known.</param>
/// <param name="Canary">The candidate that was tried last; null before there was one.</param>
internal sealed record StatusReport(
    string State, string? Reason, string Version, ModelStatus? Model, double Seconds, double EventsPerSecond, long Published, long Dropped,
    long Rejected, IReadOnlyDictionary<string, long> RejectedByReason, long Lag, IReadOnlyList<PartitionStatus> Partitions,
    CanaryStatus? Canary = null);

internal sealed record ModelStatus(string Name, string Version, string Device);

internal sealed record PartitionStatus(string Topic, int Partition, long Lag);

/// <summary>Puts the status of this worker together. Thread-safe.</summary>
internal sealed class WorkerReport(WorkerHealth health, EventTally tally)
{
    public const string Path = "/status";

    private volatile Running? _running;

    private sealed record Running(ITransport Transport, Func<ModelIdentity> Model, Heartbeat Heartbeat, Func<CanaryStatus?>? Canary);

    /// <summary>The model serves and events can come.</summary>
    public void Serving(ITransport transport, Func<ModelIdentity> model, Heartbeat heartbeat, Func<CanaryStatus?>? canary = null) =>
        _running = new(transport, model, heartbeat, canary);

    public StatusReport Now()
    {
        var running = _running;
        var counts = tally.Counts;
        var model = running?.Model();
        var lags = running?.Transport.Lags ?? [];
        return new(
            health.State, health.Live() ?? health.Ready(), Assembly.GetExecutingAssembly().GetName().Version!.ToString(3),
            model is null ? null : new(model.Name, model.Version, model.Device),
            Math.Round(running?.Heartbeat.Since.TotalSeconds ?? 0, 1), Math.Round(running?.Heartbeat.Rate ?? 0, 1),
            counts.Published, counts.Dropped, counts.AllRejected, counts.Rejected,
            lags.Sum(l => l.Events), [.. lags.Select(l => new PartitionStatus(l.Topic, l.Partition, l.Events))], running?.Canary?.Invoke());
    }
}
