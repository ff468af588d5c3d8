using System.Collections.Concurrent;
using Confluent.Kafka;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>The partitions read now, those of before whose events are still in flight, and how much is in flight in all.</summary>
/// <remarks>Assignments change on the poll thread only; everything else may be called from any thread.</remarks>
/// <param name="inTransactions">True for exactly once: see <see cref="PartitionFlow"/>.</param>
internal sealed class AssignmentTable(bool inTransactions = true)
{
    private readonly ConcurrentDictionary<int, PartitionFlow> _flows = new();
    private readonly ConcurrentDictionary<TopicPartition, PartitionFlow> _current = new();
    private volatile PartitionFlow[] _all = []; // what is current: asked for on every round, changed with assignments only
    private PartitionFlow? _latest; // the one read from last: events come in runs of one partition
    private int _lastAssignment;
    private long _events;
    private long _bytes;

    /// <summary>Events handed over and not acknowledged, of all assignments.</summary>
    public long InFlightEvents => Interlocked.Read(ref _events);

    /// <summary>Bytes of their keys, payloads and headers.</summary>
    public long InFlightBytes => Interlocked.Read(ref _bytes);

    /// <summary>The partitions assigned now. Safe to enumerate while others change it.</summary>
    public IReadOnlyList<PartitionFlow> Current => _all;

    public int CurrentCount => _current.Count;

    /// <summary>Starts a flow for a partition that was assigned, or rewound.</summary>
    public PartitionFlow Start(TopicPartition partition)
    {
        var flow = new PartitionFlow(partition, ++_lastAssignment, inTransactions);
        _flows[flow.Assignment] = flow;
        var before = _current.GetValueOrDefault(partition);
        _current[partition] = flow;
        _all = [.. _current.Values];
        _latest = null;
        if (before is not null) End(before);
        return flow;
    }

    /// <summary>Ends the flow of a partition that is no longer assigned; null when there was none.</summary>
    public PartitionFlow? Remove(TopicPartition partition)
    {
        if (!_current.TryRemove(partition, out var flow)) return null;
        _all = [.. _current.Values];
        _latest = null;
        End(flow);
        return flow;
    }

    /// <summary>The flow of the partition as it is assigned now; null when it is not.</summary>
    public PartitionFlow? CurrentOf(TopicPartition partition) => _current.GetValueOrDefault(partition);

    /// <summary>The same for an event that was read. To be called on the poll thread.</summary>
    public PartitionFlow? CurrentOf(string topic, Partition partition) =>
        _latest is { } latest && latest.Partition.Partition == partition && latest.Partition.Topic == topic
            ? latest : _latest = CurrentOf(new(topic, partition));

    /// <summary>The flow an event belongs to, current or not; null when the flow is over and all its events are acknowledged.</summary>
    public PartitionFlow? Find(SourcePosition position) => _flows.GetValueOrDefault(position.Assignment);

    public SourcePosition Receive(PartitionFlow flow, long offset, int bytes)
    {
        Interlocked.Increment(ref _events);
        Interlocked.Add(ref _bytes, bytes);
        return flow.Receive(offset, bytes);
    }

    /// <exception cref="InvalidOperationException">The event was acknowledged before, or never received.</exception>
    public void Acknowledge(SourcePosition position)
    {
        var flow = Find(position) ?? throw new InvalidOperationException($"{position} was acknowledged twice or never received.");
        var bytes = flow.Acknowledge(position.Sequence);
        Interlocked.Decrement(ref _events);
        Interlocked.Add(ref _bytes, -bytes);
        ForgetWhenDone(flow);
    }

    private void End(PartitionFlow flow)
    {
        flow.Revoke();
        ForgetWhenDone(flow);
    }

    private void ForgetWhenDone(PartitionFlow flow)
    {
        if (flow.Revoked && flow.Unacknowledged == 0 && _current.GetValueOrDefault(flow.Partition) != flow) _flows.TryRemove(flow.Assignment, out _);
    }
}
