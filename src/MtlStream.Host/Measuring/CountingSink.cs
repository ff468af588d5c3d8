using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Host.Measuring;

/// <summary>Counts and times what another sink reports as durable.</summary>
/// <param name="warmUp">Records that are not part of the rate: joining the group and filling the lanes takes time.</param>
/// <param name="expected">Records after which <see cref="Done"/> completes.</param>
internal sealed class CountingSink(IOutboundSink inner, long warmUp, long expected, TimeProvider time) : IOutboundSink
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _reported;
    private long _payloadBytes;
    private long _started;
    private long _ended;

    /// <summary>From the records' own timestamps to their report.</summary>
    public LatencyHistogram Latency { get; } = new();

    public Task Done => _done.Task;

    /// <summary>Records per second between the warm-up and the last one.</summary>
    public double Rate => (expected - warmUp) / time.GetElapsedTime(_started, _ended).TotalSeconds;

    /// <summary>Mean size of what was published, in bytes.</summary>
    public int MeanPayloadBytes => (int)(_payloadBytes / Math.Max(1, _reported));

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort) =>
        inner.PublishAsync(record, (done, refusal) =>
        {
            if (refusal is null) Count(done);
            reported(done, refusal);
        }, abort);

    public Task FlushAsync(CancellationToken abort) => inner.FlushAsync(abort);

    private void Count(OutboundRecord record)
    {
        Latency.Record((time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(record.Source.Timestamp)).TotalMilliseconds);
        Interlocked.Add(ref _payloadBytes, record.Payload?.Length ?? 0);
        var count = Interlocked.Increment(ref _reported);
        if (count == warmUp) _started = time.GetTimestamp();
        if (count != expected) return;
        _ended = time.GetTimestamp();
        _done.TrySetResult();
    }
}
