using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Host.Measuring;

/// <summary>Hands over payloads from memory, as fast as they are settled or at a rate.</summary>
/// <param name="rate">Events per second; 0 for no limit.</param>
internal sealed class MemorySource(IReadOnlyList<byte[]> payloads, double rate, TimeProvider time) : IEventSource, IDisposable
{
    private const int ChunkEvents = 64;
    private const int MaxInFlight = 4096;

    private readonly SemaphoreSlim _room = new(MaxInFlight / ChunkEvents);
    private int _settled;

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        var started = time.GetTimestamp();
        var size = rate > 0 ? 1 : ChunkEvents;
        for (var at = 0; at < payloads.Count; at += size)
        {
            if (rate > 0)
            {
                if (TimeSpan.FromSeconds(at / rate) - time.GetElapsedTime(started) is { Ticks: > 0 } early) await Task.Delay(early, time, stopping);
            }
            else
            {
                await _room.WaitAsync(stopping);
            }

            var now = time.GetTimestamp();
            var chunk = new SourceRecord[Math.Min(size, payloads.Count - at)];
            for (var i = 0; i < chunk.Length; i++) chunk[i] = new(new("memory", 0, at + i, 0, at + i), null, payloads[at + i], [], -1, now);
            await received.WriteAsync(chunk, stopping);
        }
    }

    public void Settle(SourcePosition position)
    {
        if (rate == 0 && Interlocked.Increment(ref _settled) % ChunkEvents == 0) _room.Release();
    }

    public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;

    public void Dispose() => _room.Dispose();
}

/// <summary>Counts what arrives and forgets it.</summary>
internal sealed class MemorySink(TimeProvider time) : IOutboundSink
{
    public LatencyHistogram Latency { get; } = new();
    public long Enriched { get; private set; }
    public long Rejected { get; private set; }

    /// <summary>Bytes of the enriched payloads.</summary>
    public long PayloadBytes { get; private set; }

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        Latency.Record(time.GetElapsedTime(record.Source.ReceivedAt).TotalMilliseconds);
        if (record.Destination == Destination.Results) (Enriched, PayloadBytes) = (Enriched + 1, PayloadBytes + (record.Payload?.Length ?? 0));
        else Rejected++;
        reported(record, null);
        return ValueTask.CompletedTask;
    }

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
}
