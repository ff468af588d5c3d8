using MtlStream.Events;

namespace MtlStream.Delivery;

/// <summary>Lets everything of one partition leave in source order. Not thread-safe.</summary>
/// <remarks>
/// Holds at most what is in flight. Records of an assignment that is over never leave; they come out by <paramref name="dropped"/>.
/// </remarks>
public sealed class Sequencer(Action<SourceRecord> dropped)
{
    private readonly Dictionary<(string Topic, int Partition), Partition> _partitions = [];
    private Partition? _latest; // events come in runs of one partition

    /// <summary>Records that wait for one before them.</summary>
    public int Waiting { get; private set; }

    /// <summary>Takes a finished record in and appends to <paramref name="ready"/> whatever may leave now, in order.</summary>
    public void Add(OutboundRecord record, List<OutboundRecord> ready)
    {
        var position = record.Source.Position;
        var partition = PartitionOf(position);
        if (position.Assignment < partition.Assignment)
        {
            dropped(record.Source);
            return;
        }

        if (position.Assignment > partition.Assignment) StartOver(partition, position.Assignment);
        if (position.Sequence != partition.Next)
        {
            partition.Held.Add(position.Sequence, record);
            Waiting++;
            return;
        }

        ready.Add(record);
        partition.Next++;
        while (partition.Held.Count > 0 && partition.Held.Remove(partition.Next, out var next))
        {
            ready.Add(next);
            partition.Next++;
            Waiting--;
        }
    }

    private Partition PartitionOf(in SourcePosition position)
    {
        if (_latest is { } latest && latest.Number == position.Partition && latest.Topic == position.Topic) return latest;
        var key = (position.Topic, position.Partition);
        if (!_partitions.TryGetValue(key, out var partition))
            _partitions[key] = partition = new() { Topic = position.Topic, Number = position.Partition, Assignment = position.Assignment };
        return _latest = partition;
    }

    private void StartOver(Partition partition, int assignment)
    {
        Waiting -= partition.Held.Count;
        foreach (var record in partition.Held.Values) dropped(record.Source);
        partition.Held.Clear();
        (partition.Assignment, partition.Next) = (assignment, 0);
    }

    private sealed class Partition
    {
        public required string Topic { get; init; }
        public required int Number { get; init; }
        public int Assignment { get; set; }
        public long Next { get; set; }
        public Dictionary<long, OutboundRecord> Held { get; } = [];
    }
}
