using Confluent.Kafka;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>One partition under one assignment (or since one rewind): what was read, what is published, what is acknowledged.</summary>
/// <remarks>Thread-safe. When it is retired its work belongs to someone else: nothing of it is published or committed any more.</remarks>
/// <param name="inTransactions">Whether to keep track of what is published and not acknowledged: nothing but a transaction asks for it.</param>
internal sealed class PartitionFlow(TopicPartition partition, int assignment, bool inTransactions = true)
{
    private readonly Lock _lock = new();
    private readonly CommittableOffset _acknowledged = new();
    private readonly CommittableOffset _published = new();
    private int _publishing;
    private long? _fetched;
    private long? _fetchedBefore; // before the oldest event that is not acknowledged was read
    private volatile bool _retired;
    private volatile bool _givenUp;

    public TopicPartition Partition { get; } = partition;
    public int Assignment { get; } = assignment;

    /// <summary>Offset of the first event read; null before it.</summary>
    public long? FirstOffset { get; private set; }

    /// <summary>Offset of the event that is to be read next; null where that is not known. For the poll thread.</summary>
    public long? Next { get; set; }

    /// <summary>Offset up to which the broker is known to hold commits of this flow.</summary>
    public long? Stored { get; set; }

    /// <summary>What the brokers have confirmed of <see cref="Stored"/>. At least once only; for the poll thread.</summary>
    public long? Confirmed { get; set; }

    /// <summary>Nothing of it is published any more.</summary>
    public bool Revoked => _retired;

    /// <summary>Nothing of it is committed any more either: its transaction was aborted.</summary>
    public bool GivenUp => _givenUp;

    /// <summary>Up to where everything is acknowledged.</summary>
    public long? Committable
    {
        get { lock (_lock) return _acknowledged.Committable; }
    }

    /// <summary>Up to where nothing is left to do. Behind the last event acknowledged may lie what no reader sees, markers and remains of
    /// transactions, up to where the partition was fetched. Of a flow that is given up only what the broker holds commits of is done.</summary>
    public long? DoneUpTo
    {
        get
        {
            lock (_lock)
            {
                if (_givenUp) return Stored ?? FirstOffset ?? _fetched;
                var (acknowledged, reached) = (_acknowledged.Committable ?? FirstOffset, _acknowledged.Pending == 0 ? _fetched : _fetchedBefore);
                return reached > (acknowledged ?? -1) ? reached : acknowledged;
            }
        }
    }

    /// <summary>Up to where the partition was fetched when all events of it had been read; null where that is not known.</summary>
    public long? Fetched
    {
        get { lock (_lock) return _fetched; }
    }

    /// <summary>Up to where everything is in the open transaction or in one before it.</summary>
    public long? PublishedUpTo
    {
        get { lock (_lock) return _published.Committable; }
    }

    /// <summary>True when something was published while an event before it was not: such a transaction cannot be committed.</summary>
    public bool PublishedWithGap
    {
        get { lock (_lock) return _published.Ahead > 0; }
    }

    /// <summary>Events read and not acknowledged.</summary>
    public int Unacknowledged
    {
        get { lock (_lock) return _acknowledged.Unacknowledged; }
    }

    /// <summary>Events of which anything is remembered: each of them takes memory.</summary>
    public int Remembered
    {
        get { lock (_lock) return Math.Max(_acknowledged.Pending, _published.Pending); }
    }

    /// <summary>True when nothing is with the client, waiting for its delivery report.</summary>
    public bool NothingPublishing => Volatile.Read(ref _publishing) == 0;

    public SourcePosition Receive(long offset, int bytes)
    {
        lock (_lock)
        {
            FirstOffset ??= offset;
            if (offset < _fetched) _fetched = null; // noted before the partition was rewound
            if (_acknowledged.Pending == 0) _fetchedBefore = _fetched;
            if (inTransactions) _published.Receive(offset, 0);
            return new(Partition.Topic, Partition.Partition.Value, offset, Assignment, _acknowledged.Receive(offset, bytes));
        }
    }

    /// <summary>Notes an event that was read but not handed over, because the flow is over and the partition is about to be rewound.</summary>
    public void Skip(long offset)
    {
        lock (_lock) FirstOffset ??= offset;
    }

    /// <summary>Notes up to where the partition was fetched when all events of it had been read; negative when that is not known.</summary>
    public void FetchedUpTo(long offset)
    {
        lock (_lock) _fetched = offset;
    }

    /// <summary>Notes that an event is finished; returns its bytes.</summary>
    public int Acknowledge(long sequence)
    {
        lock (_lock) return _acknowledged.Acknowledge(sequence);
    }

    /// <summary>Notes that an event is given up: it will be acknowledged, but nothing from it on may be committed.</summary>
    public void Drop(long sequence)
    {
        lock (_lock) _acknowledged.Drop(sequence);
    }

    /// <summary>Notes that an event is in the open transaction.</summary>
    public void Published(long sequence)
    {
        lock (_lock) _published.Acknowledge(sequence);
    }

    /// <summary>Announces a record to the client; false when the assignment is over.</summary>
    public bool TryBeginPublish()
    {
        Interlocked.Increment(ref _publishing);
        if (!_retired) return true;
        EndPublish();
        return false;
    }

    public void EndPublish() => Interlocked.Decrement(ref _publishing);

    /// <summary>Ends this flow. What is with the client already may still be delivered.</summary>
    public void Revoke()
    {
        _retired = true;
        Interlocked.MemoryBarrier(); // a record is either refused by TryBeginPublish or counted before NothingPublishing is read
    }

    /// <summary>Ends this flow with its transaction.</summary>
    public void Abandon()
    {
        _givenUp = true;
        Revoke();
    }
}
