using System.Diagnostics;

namespace MtlStream.Kafka;

/// <summary>Tells up to where one assignment of a partition is finished when its events finish out of order.</summary>
/// <remarks>
/// Events are named by their sequence number: 0, 1, 2, ... in the order received. Offsets may have gaps, which compaction and
/// aborted transactions leave. Not thread-safe; <see cref="PartitionFlow"/> holds and locks it.
/// </remarks>
internal sealed class CommittableOffset
{
    // Ring over the events that are not yet below the committable offset, oldest first; its length is a power of two.
    private Entry[] _pending = new Entry[256];
    private int _head;
    private long _first; // sequence number of the oldest entry

    /// <summary>One past the last acknowledged event that has no unacknowledged event before it; null before the first.</summary>
    public long? Committable { get; private set; }

    /// <summary>Events received and not yet below the committable offset.</summary>
    public int Pending { get; private set; }

    /// <summary>Acknowledged events that wait for one before them.</summary>
    public int Ahead { get; private set; }

    /// <summary>Events received and not acknowledged.</summary>
    public int Unacknowledged => Pending - Ahead;

    /// <summary>Notes the next event read. Offsets must rise.</summary>
    /// <returns>Its sequence number.</returns>
    public long Receive(long offset, int bytes)
    {
        if (Pending == _pending.Length) Grow();
        Debug.Assert(Pending == 0 || offset > At(Pending - 1).Offset, "offsets must rise");
        At(Pending) = new(offset, bytes, false, false);
        return _first + Pending++;
    }

    /// <summary>Notes that an event is finished.</summary>
    /// <returns>The bytes it was received with.</returns>
    /// <exception cref="InvalidOperationException">The event was never received, or is finished already.</exception>
    public int Acknowledge(long sequence)
    {
        ref var acknowledged = ref Find(sequence);
        var bytes = acknowledged.Bytes;
        acknowledged = acknowledged with { Acknowledged = true };
        Ahead++;
        while (Pending > 0 && At(0) is { Acknowledged: true, Dropped: false })
        {
            Committable = At(0).Offset + 1;
            _head = (_head + 1) & (_pending.Length - 1);
            _first++;
            Pending--;
            Ahead--;
        }

        return bytes;
    }

    /// <summary>Notes that an event will be acknowledged without having been published: the committable offset never passes it.</summary>
    /// <exception cref="InvalidOperationException">The event was never received, or is finished already.</exception>
    public void Drop(long sequence)
    {
        ref var dropped = ref Find(sequence);
        dropped = dropped with { Dropped = true };
    }

    private ref Entry Find(long sequence)
    {
        var index = sequence - _first;
        if (index < 0 || index >= Pending || At((int)index).Acknowledged)
            throw new InvalidOperationException($"Event {sequence} was acknowledged twice or never received; {Pending} are pending from {_first} on.");
        return ref At((int)index);
    }

    private ref Entry At(int index) => ref _pending[(_head + index) & (_pending.Length - 1)];

    private void Grow()
    {
        var larger = new Entry[_pending.Length * 2];
        for (var i = 0; i < Pending; i++) larger[i] = At(i);
        (_pending, _head) = (larger, 0);
    }

    private readonly record struct Entry(long Offset, int Bytes, bool Acknowledged, bool Dropped);
}
