using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream.Bench;

/// <summary>Both ends of a pipeline in memory: hands events in, counts what comes out.</summary>
/// <param name="inFlight">Most events on the way, when they come as fast as they can.</param>
/// <param name="rate">Events per second; 0 for as fast as they can.</param>
internal sealed class MemoryEnds(IReadOnlyList<byte[]> events, long count, int inFlight, double rate, TimeProvider time)
    : ITransport, IEventSource, IOutboundSink
{
    private const int Chunk = 32;

    private readonly SemaphoreSlim _room = new(Math.Max(1, inFlight / Chunk));
    private long _acknowledged;
    private long _resultBytes;
    private long _rejected;

    public IEventSource Source => this;
    public IOutboundSink Sink => this;
    public MessagingNames Names => MessagingNames.InProcess;

    /// <summary>Bytes of all results.</summary>
    public long ResultBytes => Interlocked.Read(ref _resultBytes);

    public long Rejected => Interlocked.Read(ref _rejected);

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        try
        {
            var started = time.GetTimestamp();
            for (long sent = 0; sent < count;)
            {
                var due = rate > 0 ? (long)(time.GetElapsedTime(started).TotalSeconds * rate) - sent : Chunk;
                if (due <= 0)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(1), time, stopping);
                    continue;
                }

                if (rate == 0) await _room.WaitAsync(stopping);
                var chunk = new SourceRecord[Math.Min(Math.Min(due, Chunk), count - sent)];
                for (var i = 0; i < chunk.Length; i++, sent++)
                    chunk[i] = new(new("memory", 0, sent, 0, sent), null, events.At(sent), [], -1, time.GetTimestamp());
                await received.WriteAsync(chunk, stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // told to stop: what was handed over is still answered
        }
    }

    public void Acknowledge(SourcePosition position)
    {
        if (Interlocked.Increment(ref _acknowledged) % Chunk == 0) _room.Release();
    }

    public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        if (record.Destination == Destination.Results) Interlocked.Add(ref _resultBytes, record.Payload?.Length ?? 0);
        else if (record.Destination == Destination.DeadLetters) Interlocked.Increment(ref _rejected);
        reported(record, PublishOutcome.Durable);
        return ValueTask.CompletedTask;
    }

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _room.Dispose();
        return ValueTask.CompletedTask;
    }
}
