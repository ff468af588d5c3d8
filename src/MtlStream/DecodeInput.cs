using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream;

/// <summary>What one decode worker reads: what the source hands over, and what had to wait, once another try makes sense.</summary>
/// <remarks>
/// An event that waits holds up nothing but what must come behind it: the events of its partition that are read already are
/// scored meanwhile and leave after it. What waits is in flight, so the source bounds how much that is. Not thread-safe.
/// </remarks>
internal sealed class DecodeInput(
    ChannelReader<IReadOnlyList<SourceRecord>> received, IEventSource source, PipelineMetrics metrics, ILogger logger, CancellationToken giveBack)
{
    private readonly Task _givingBack = Task.Delay(Timeout.InfiniteTimeSpan, giveBack);
    // By what they wait for; few, however many events wait.
    private readonly Dictionary<Task, List<SourceRecord>> _waiting = [];
    private Task _more = Task.CompletedTask;

    /// <summary>Events to decode, or to give back when it is time for that; null when nothing is left and nothing more will come.</summary>
    public async ValueTask<IReadOnlyList<SourceRecord>?> NextAsync(CancellationToken abort)
    {
        while (true)
        {
            if (Due() is { } due) return due;
            if (received.TryRead(out var chunk)) return chunk;
            if (_waiting.Count == 0)
            {
                if (!await received.WaitToReadAsync(abort)) return null;
                continue;
            }
            await Task.WhenAny([.. _waiting.Keys, MoreAsync(abort), _givingBack]).WaitAsync(abort);
        }
    }

    /// <summary>Has an event come again when what it waits for has ended.</summary>
    public void Later(SourceRecord record, NotNow notNow)
    {
        source.Hold(record.Position);
        metrics.EventsWait(+1);
        if (_waiting.TryGetValue(notNow.Until, out var others))
        {
            others.Add(record);
            return;
        }
        _waiting.Add(notNow.Until, [record]);
        logger.EventsWait(record.Position.Topic, notNow.Reason);
    }

    // Asked for once: what is left of an earlier call serves the next one.
    private Task MoreAsync(CancellationToken abort)
    {
        if (received.Completion.IsCompleted) return Task.Delay(Timeout.InfiniteTimeSpan, abort);
        if (_more.IsCompleted) _more = received.WaitToReadAsync(abort).AsTask();
        return _more;
    }

    private List<SourceRecord>? Due()
    {
        if (_waiting.Count == 0) return null;
        var ended = _waiting.Keys.FirstOrDefault(until => until.IsCompleted || giveBack.IsCancellationRequested);
        if (ended is null || !_waiting.Remove(ended, out var due)) return null;
        foreach (var record in due) source.Release(record.Position);
        metrics.EventsWait(-due.Count);
        return due;
    }
}
