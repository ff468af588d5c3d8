using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

internal sealed class FakeConsumer(FakeCluster cluster, IConsumerEvents events, ManualTime time) : IConsumerPort
{
    private readonly SortedDictionary<int, long> _positions = []; // of what is assigned
    private readonly HashSet<int> _paused = [];
    private readonly Dictionary<int, long> _stored = [];
    private readonly string _knows = cluster.IdOf(FakeCluster.Input);
    private int _turn;

    /// <summary>What the next calls of <see cref="Consume"/> begin with: rebalances, errors.</summary>
    public Queue<Action<IConsumerEvents>> Happens { get; } = [];

    /// <summary>Thrown by the next questions for a partition's ends.</summary>
    public Queue<Error> EndsFail { get; } = [];

    /// <summary>Thrown by the next questions for committed offsets.</summary>
    public Queue<Error> AskingFails { get; } = [];

    public int Generation { get; set; } = cluster.Generation;
    public int Pauses { get; private set; }
    public int Seeks { get; private set; }
    public int Asked { get; private set; }
    public int Events { get; private set; }
    public bool Closed { get; private set; }

    /// <summary>What <see cref="Close"/> begins with.</summary>
    public Action Closing { get; set; } = () => { };

    /// <summary>Thrown by <see cref="Close"/>.</summary>
    public Exception? ClosingFails { get; set; }

    public bool Disposed { get; private set; }
    public IEnumerable<int> Assigned => _positions.Keys;
    public string? MemberId => "member";
    public IConsumerGroupMetadata Group => new Metadata(Generation);

    /// <summary>Size of each event's payload; null for its place alone.</summary>
    public int? PayloadBytes { get; set; }

    public int FirstOffset { get; set; }

    public static TopicPartition Of(int partition) => new(FakeCluster.Input, partition);

    public void Assign(IEnumerable<int> partitions)
    {
        CatchUp();
        cluster.OfOthers.ExceptWith(partitions);
        Generation = cluster.Generation;
        foreach (var start in events.Assigned([.. partitions.Select(Of)]))
        {
            var partition = start.Partition.Value;
            _positions[partition] = start.Offset == Offset.Unset ? cluster.CommittedOf(partition) : Math.Max(0, start.Offset.Value);
        }
    }

    public void Revoke(IEnumerable<int> partitions)
    {
        CatchUp();
        List<int> gone = [.. partitions.Where(_positions.ContainsKey)];
        events.Revoked([.. gone.Select(Of)]);
        CommitStored(gone);
        Forget(gone);
        cluster.TakeAway(gone);
        Generation = cluster.Generation;
    }

    /// <summary>The group went on without it before it knew: it has nothing any more.</summary>
    public void Lose()
    {
        List<int> gone = [.. _positions.Keys];
        events.Lost([.. gone.Select(Of)]);
        foreach (var partition in gone) _stored.Remove(partition);
        Forget(gone);
        Generation = cluster.Generation;
    }

    /// <summary>What the client does in the background.</summary>
    public void CommitStored(IEnumerable<int>? partitions = null)
    {
        if (Generation != cluster.Generation) return; // refused by the brokers
        foreach (var partition in (partitions ?? _positions.Keys).ToList())
            if (_stored.Remove(partition, out var offset)) cluster.Commit(partition, offset);
    }

    public ConsumeResult<byte[]?, byte[]?>? Consume(TimeSpan patience)
    {
        if (Happens.TryDequeue(out var happens)) happens(events);
        List<int> ready = _knows != cluster.IdOf(FakeCluster.Input) ? [] : _positions.Keys.Where(p => !_paused.Contains(p) && _positions[p] < cluster.EventsOf(p)).ToList();
        if (ready.Count == 0)
        {
            time.Pass(patience);
            return null;
        }

        var partition = ready[_turn++ % ready.Count];
        _positions[partition] = Math.Max(_positions[partition], FirstOffset);
        var offset = _positions[partition]++;
        Events++;
        var place = FakeCluster.PlaceOf(partition, offset);
        return new()
        {
            TopicPartitionOffset = new(Of(partition), offset),
            Message = new() { Key = null, Value = Padded(place), Timestamp = new(cluster.TimeOfEvents, TimestampType.CreateTime) },
        };
    }

    public void Pause(IReadOnlyList<TopicPartition> partitions)
    {
        Pauses++;
        _paused.UnionWith(partitions.Select(p => p.Partition.Value));
    }

    public void Resume(IReadOnlyList<TopicPartition> partitions) => _paused.ExceptWith(partitions.Select(p => p.Partition.Value));

    public void Seek(TopicPartitionOffset to)
    {
        Seeks++;
        if (!_positions.ContainsKey(to.Partition.Value)) throw new KafkaException(ErrorCode.Local_State);
        _positions[to.Partition.Value] = to.Offset.Value;
    }

    public void Store(TopicPartitionOffset offset)
    {
        if (!_positions.ContainsKey(offset.Partition.Value)) throw new KafkaException(ErrorCode.Local_State);
        _stored[offset.Partition.Value] = offset.Offset.Value;
    }

    public void Commit(IReadOnlyList<TopicPartitionOffset> offsets)
    {
        if (Generation != cluster.Generation) throw new KafkaException(ErrorCode.IllegalGeneration);
        foreach (var offset in offsets) cluster.Commit(offset.Partition.Value, offset.Offset.Value);
    }

    public IReadOnlyList<TopicPartitionOffset> Committed(IEnumerable<TopicPartition> partitions, TimeSpan patience)
    {
        Asked++;
        if (AskingFails.TryDequeue(out var error)) throw new KafkaException(error);
        return [.. partitions.Select(p => new TopicPartitionOffset(
            p, cluster.HasCommitted(p.Partition.Value) ? cluster.CommittedOf(p.Partition.Value) : Offset.Unset))];
    }

    public WatermarkOffsets Ends(TopicPartition partition) => new(FirstOffset, cluster.EventsOf(partition.Partition.Value));

    public WatermarkOffsets QueryEnds(TopicPartition partition, TimeSpan patience)
    {
        if (EndsFail.TryDequeue(out var error)) throw new KafkaException(error);
        return Ends(partition);
    }

    public void Close()
    {
        if (Closed) return;
        Closed = true;
        Closing();
        if (ClosingFails is { } failure) throw failure;
        if (_positions.Count > 0) Revoke([.. _positions.Keys]);
    }

    public void Dispose() => Disposed = true;

    // A member that the group went on without is told so before anything else.
    private void CatchUp()
    {
        if (Generation != cluster.Generation && _positions.Count > 0) Lose();
    }

    private byte[] Padded(byte[] place)
    {
        if (PayloadBytes is not { } size) return place;
        var padded = new byte[size];
        padded.AsSpan().Fill((byte)' ');
        place.CopyTo(padded, 0);
        return padded;
    }

    private void Forget(List<int> partitions)
    {
        foreach (var partition in partitions)
        {
            _positions.Remove(partition);
            _paused.Remove(partition);
        }
    }

    public sealed record Metadata(int Generation) : IConsumerGroupMetadata;
}
