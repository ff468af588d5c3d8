using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream.Http.Requests;

/// <summary>Texts of requests as events of a pipeline: each finds its answer by the object that it left with its event. Thread-safe.</summary>
/// <remarks>
/// Few are handed to the pipeline at once. The others wait here, where one that is called off gives its place back.
/// </remarks>
/// <param name="capacity">Most texts that wait.</param>
/// <param name="ahead">Most texts in the pipeline.</param>
internal sealed class RequestTransport(int capacity, int ahead, TimeProvider time) : ITransport, IEventSource, IOutboundSink
{
    private const string Topic = "http"; // as spans and dead letters name it

    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _gate = new();
    private readonly LinkedList<PendingText> _waiting = [];
    private readonly HashSet<PendingText> _inPipeline = [];
    private long _next;
    private bool _closed;

    public IEventSource Source => this;
    public IOutboundSink Sink => this;
    public MessagingNames Names { get; } = new(Topic, "", Topic, Topic);

    /// <summary>Texts that wait or are worked on.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _waiting.Count + _inPipeline.Count;
        }
    }

    /// <summary>Takes all texts of a request, or none.</summary>
    /// <returns>False when there is no room for them.</returns>
    /// <exception cref="OperationCanceledException">Nothing is answered any more.</exception>
    public bool TryAdd(IReadOnlyList<PendingText> texts)
    {
        lock (_gate)
        {
            if (_closed) throw new OperationCanceledException();
            if (_waiting.Count + texts.Count > capacity) return false;
            foreach (var text in texts) _waiting.AddLast(text);
        }

        _changed.Writer.TryWrite(true);
        return true;
    }

    /// <summary>Gives the places of those back that are not worked on yet.</summary>
    public void CallOff(IEnumerable<PendingText> texts)
    {
        lock (_gate)
        {
            foreach (var text in texts) _waiting.Remove(text);
        }
    }

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                while (Next() is { } record) await received.WriteAsync([record], stopping);
                await _changed.Reader.ReadAsync(stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // what waits is given up by Close
        }
    }

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        var text = (PendingText)record.Source.Correlation!;
        lock (_gate) _inPipeline.Remove(text);
        text.Answered(record);
        reported(record, PublishOutcome.Durable);
        return ValueTask.CompletedTask;
    }

    public void Acknowledge(SourcePosition position) => _changed.Writer.TryWrite(true);

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;

    public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;

    /// <summary>Gives up everything that has no answer yet, and takes nothing more.</summary>
    public ValueTask DisposeAsync()
    {
        List<PendingText> left;
        lock (_gate)
        {
            _closed = true;
            left = [.. _waiting, .. _inPipeline];
            _waiting.Clear();
            _inPipeline.Clear();
        }

        foreach (var text in left) text.GiveUp();
        return ValueTask.CompletedTask;
    }

    private SourceRecord? Next()
    {
        lock (_gate)
        {
            if (_waiting.First is not { } first || _inPipeline.Count >= ahead) return null;
            _waiting.RemoveFirst();
            _inPipeline.Add(first.Value);
            var number = _next++;
            var position = new SourcePosition(Topic, 0, number, 0, number);
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            return new(position, null, first.Value.Payload, first.Value.Headers, now, time.GetTimestamp()) { Correlation = first.Value };
        }
    }
}
