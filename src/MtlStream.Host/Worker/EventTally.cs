using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Http.Live;
using MtlStream.Results;

namespace MtlStream.Host.Worker;

/// <summary>How many events ended how, since the start.</summary>
/// <param name="Published">Durable results, tombstones and events passed on without a text.</param>
/// <param name="Dropped">Events without a text that are only counted.</param>
/// <param name="Rejected">Durable dead letters by reason, as it is spelt in their headers; reasons that did not come are left out.</param>
internal sealed record EventCounts(long Published, long Dropped, IReadOnlyDictionary<string, long> Rejected)
{
    public static EventCounts None { get; } = new(0, 0, new Dictionary<string, long>());

    public long AllRejected => Rejected.Values.Sum();

    public long All => Published + Dropped + AllRejected;

    /// <summary>What came after <paramref name="before"/>.</summary>
    public EventCounts Since(EventCounts before)
    {
        var rejected = Rejected.ToDictionary(r => r.Key, r => r.Value - before.Rejected.GetValueOrDefault(r.Key));
        return new(Published - before.Published, Dropped - before.Dropped, rejected.Where(r => r.Value > 0).ToDictionary());
    }

    /// <summary>The reasons with their counts, most first: <c>missing_text 10, empty_text 2</c>.</summary>
    public string Reasons => string.Join(", ", Rejected.OrderByDescending(r => r.Value).Select(r => $"{r.Key} {r.Value}"));
}

/// <summary>Counts how events end, and warns of rejections: the first of a reason at once, then in intervals. Thread-safe.</summary>
/// <param name="live">Is told of results; null where nobody watches.</param>
internal sealed class EventTally(TimeProvider time, ILogger<EventTally> logger, LiveFeed? live = null)
{
    private readonly RepeatedLines _warned = new(time);
    private readonly long[] _rejected = new long[Enum.GetValues<RejectionReason>().Length];
    private long _published;
    private long _dropped;

    public EventCounts Counts
    {
        get
        {
            var rejected = Enum.GetValues<RejectionReason>().Select(r => (Name: r.WireName(), Count: Volatile.Read(ref _rejected[(int)r])));
            return new(Volatile.Read(ref _published), Volatile.Read(ref _dropped), rejected.Where(r => r.Count > 0).ToDictionary(r => r.Name, r => r.Count));
        }
    }

    /// <summary>Notes the end of a record that is no copy for review.</summary>
    public void Add(OutboundRecord record, PublishOutcome outcome)
    {
        if (outcome != PublishOutcome.Durable) return; // read again, or answered by a dead letter
        if (record.Destination == Destination.Results)
        {
            Interlocked.Increment(ref _published);
            live?.Take(record);
        }
        else if (record.Destination == Destination.Nowhere) Interlocked.Increment(ref _dropped);
        else if (DeadLetter.TryRead(record.Source.Key, record.Headers, record.Payload, record.Source.Timestamp, out var letter, out _)) Reject(letter);
    }

    private void Reject(DeadLetter letter)
    {
        Interlocked.Increment(ref _rejected[(int)letter.Reason]);
        var reason = letter.Reason.WireName();
        if (_warned.TryTake(reason, out var times)) logger.EventsRejected(times, reason, letter.Topic, letter.Partition, letter.Offset, letter.Message);
    }
}
