using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Host.Lines;

/// <summary>Lines, rows or elements of a file as events of one partition. The offset of a line is its number, from 0.</summary>
/// <param name="name">Stands for the topic.</param>
internal sealed class LineSource(RecordReader reader, string name, TimeProvider time) : IEventSource
{
    private const int MaxInFlight = 2048;
    private const long MaxInFlightBytes = 64 << 20;
    private const int ChunkLines = 32;

    private readonly Lock _gate = new();
    private readonly long[] _sizes = new long[MaxInFlight]; // of the lines in flight, by sequence modulo
    private TaskCompletionSource? _room;
    private int _inFlight;
    private long _inFlightBytes;
    private long _next; // number of the next line

    /// <summary>Lines handed over so far.</summary>
    public long Lines { get; private set; }

    /// <summary>True when the last line has been handed over.</summary>
    public bool ReachedEnd { get; private set; }

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        try
        {
            while (await reader.ReadAsync(stopping) is { Count: > 0 } lines)
            {
                foreach (var part in lines.Chunk(ChunkLines))
                {
                    var chunk = new List<SourceRecord>(part.Length);
                    foreach (var line in part)
                    {
                        if (!TryTakeRoom(line.Payload.Length))
                        {
                            if (chunk.Count > 0) await received.WriteAsync(chunk, stopping);
                            Lines = _next;
                            chunk = new(part.Length);
                            await TakeRoomAsync(line.Payload.Length, stopping);
                        }

                        var position = new SourcePosition(name, 0, line.Line - 1, 0, _next);
                        chunk.Add(new(position, null, line.Payload, [], -1, time.GetTimestamp()) { Correlation = line.Row });
                        _next++;
                    }

                    await received.WriteAsync(chunk, stopping);
                    Lines = _next;
                }
            }

            ReachedEnd = true;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What was handed over is finished; the caller sees that the end was not reached.
        }
    }

    public void Acknowledge(SourcePosition position)
    {
        lock (_gate)
        {
            _inFlight--;
            _inFlightBytes -= _sizes[position.Sequence % MaxInFlight];
            _room?.TrySetResult();
            _room = null;
        }
    }

    public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;

    private async Task TakeRoomAsync(int bytes, CancellationToken stopping)
    {
        while (true)
        {
            Task acknowledged;
            lock (_gate)
            {
                if (TryTakeRoom(bytes)) return;
                acknowledged = (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await acknowledged.WaitAsync(stopping);
        }
    }

    // A ring slot is free again only when the line that used it is acknowledged: sequencing makes lines leave in order.
    private bool TryTakeRoom(int bytes)
    {
        lock (_gate)
        {
            if (_inFlight > 0 && (_inFlight == MaxInFlight || _inFlightBytes + bytes > MaxInFlightBytes)) return false;
            _inFlight++;
            _inFlightBytes += bytes;
            _sizes[_next % MaxInFlight] = bytes;
            return true;
        }
    }
}
