using System.Globalization;
using System.Text;
using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

/// <summary>A clock that moves when it is told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _ticks = TimeSpan.TicksPerDay;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public void Pass(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
}

/// <summary>How a call of the producer ends that has to do with transactions.</summary>
internal enum CallEnds
{
    Well,

    /// <summary>In time-outs, and nothing came of it.</summary>
    TimedOut,

    /// <summary>In time-outs, although it was done.</summary>
    TimedOutDone,

    Fenced,

    /// <summary>In an error that only an abort gets over.</summary>
    Abortable,
}

/// <summary>Brokers, group and clients in memory, on one thread: what one session does to the topics, and what befalls it.</summary>
/// <remarks>Input partition P holds the events 0, 1, 2, ...; what is published carries the place of its event as payload.</remarks>
internal sealed class FakeCluster(ManualTime time, int partitions) : IKafkaClients
{
    public const string Input = "in", Results = "out", Letters = "dead", Review = "review";

    private readonly long[] _events = new long[partitions];
    private readonly Dictionary<int, long> _committed = [];
    private int _generation;

    public FakeConsumer? Consumer { get; private set; }
    public FakeProducer? Producer { get; private set; }

    /// <summary>Of copies for review: the one that gives messages up after a while.</summary>
    public FakeProducer? ReviewProducer { get; private set; }

    /// <summary>What readers of committed data see, in order: topic, input partition, input offset.</summary>
    public List<(string Topic, int Partition, long Offset)> Visible { get; } = [];

    public int Producers { get; private set; }
    public int Consumers { get; private set; }

    /// <summary>How the next calls of transactions end; well when it is empty.</summary>
    public Queue<CallEnds> Calls { get; } = [];

    /// <summary>What the brokers refuse for its size.</summary>
    public Func<Message<byte[]?, byte[]?>, bool> Large { get; set; } = _ => false;

    /// <summary>Another member of the group has these partitions.</summary>
    public HashSet<int> OfOthers { get; } = [];

    public int Partitions => partitions;

    public int Generation => _generation;

    public long EventsOf(int partition) => _events[partition];

    public long CommittedOf(int partition) => _committed.GetValueOrDefault(partition, 0);

    public bool HasCommitted(int partition) => _committed.ContainsKey(partition);

    public void Write(int partition, int count) => _events[partition] += count;

    public void Commit(int partition, long offset) => _committed[partition] = offset;

    /// <summary>The group goes on without the session for some partitions, which does not know it yet.</summary>
    public void TakeAway(IEnumerable<int> gone)
    {
        OfOthers.UnionWith(gone);
        _generation++;
    }

    public void Synchronize() => Consumer!.Generation = _generation;

    /// <summary>Another member works on what the group has taken away.</summary>
    public void OthersWork(int events)
    {
        foreach (var partition in OfOthers)
        {
            for (var i = 0; i < events && CommittedOf(partition) < _events[partition]; i++)
            {
                Visible.Add((Results, partition, CommittedOf(partition)));
                _committed[partition] = CommittedOf(partition) + 1;
            }
        }
    }

    /// <summary>What the producer before left of its transaction is over: done, or undone.</summary>
    public Action? Dangling { get; set; }

    public IConsumerPort NewConsumer(IConsumerEvents events)
    {
        Consumers++;
        return Consumer = new(this, events, time);
    }

    public IProducerPort NewProducer(IReadOnlyDictionary<string, string> properties)
    {
        var producer = new FakeProducer(this, time, properties);
        if (properties.GetValueOrDefault("message.timeout.ms") == "10000") return ReviewProducer = producer;
        Producers++;
        return Producer = producer;
    }

    public static byte[] PlaceOf(int partition, long offset) => Encoding.UTF8.GetBytes($"{partition}:{offset}");

    /// <summary>The place of its event: the payload says it, or the headers of a dead letter.</summary>
    public static (int Partition, long Offset) PlaceOf(Message<byte[]?, byte[]?> message)
    {
        const string place = "__connect.errors.";
        if (message.Headers is { } headers && headers.TryGetLastBytes($"{place}partition", out var partition))
            return (int.Parse(partition, CultureInfo.InvariantCulture), long.Parse(headers.GetLastBytes($"{place}offset"), CultureInfo.InvariantCulture));
        var parts = Encoding.UTF8.GetString(message.Value!).Split(':');
        return (int.Parse(parts[0], CultureInfo.InvariantCulture), long.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}

internal sealed class FakeConsumer(FakeCluster cluster, IConsumerEvents events, ManualTime time) : IConsumerPort
{
    private readonly SortedDictionary<int, long> _positions = []; // of what is assigned
    private readonly HashSet<int> _paused = [];
    private readonly Dictionary<int, long> _stored = [];
    private int _turn;

    /// <summary>What the next calls of <see cref="Consume"/> begin with: rebalances, errors.</summary>
    public Queue<Action<IConsumerEvents>> Happens { get; } = [];

    /// <summary>Thrown by the next questions for committed offsets.</summary>
    public Queue<Error> AskingFails { get; } = [];

    public int Generation { get; set; } = cluster.Generation;
    public int Pauses { get; private set; }
    public int Seeks { get; private set; }
    public int Asked { get; private set; }
    public int Events { get; private set; }
    public bool Closed { get; private set; }

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
        foreach (var partition in partitions) _positions[partition] = Math.Max(FirstOffset, cluster.CommittedOf(partition));
        Generation = cluster.Generation;
        events.Assigned([.. partitions.Select(Of)]);
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
        var ready = _positions.Keys.Where(p => !_paused.Contains(p) && _positions[p] < cluster.EventsOf(p)).ToList();
        if (ready.Count == 0)
        {
            time.Pass(patience);
            return null;
        }

        var partition = ready[_turn++ % ready.Count];
        var offset = _positions[partition]++;
        Events++;
        var place = FakeCluster.PlaceOf(partition, offset);
        return new()
        {
            TopicPartitionOffset = new(Of(partition), offset),
            Message = new() { Key = null, Value = Padded(place), Timestamp = new(1_700_000_000_000, TimestampType.CreateTime) },
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

    public IReadOnlyList<TopicPartitionOffset> Committed(IEnumerable<TopicPartition> partitions, TimeSpan patience)
    {
        Asked++;
        if (AskingFails.TryDequeue(out var error)) throw new KafkaException(error);
        return [.. partitions.Select(p => new TopicPartitionOffset(
            p, cluster.HasCommitted(p.Partition.Value) ? cluster.CommittedOf(p.Partition.Value) : Offset.Unset))];
    }

    public WatermarkOffsets Ends(TopicPartition partition) => new(FirstOffset, cluster.EventsOf(partition.Partition.Value));

    public void Close()
    {
        if (Closed) return;
        Closed = true;
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

/// <summary>Keeps what it is given until the test says how it ended.</summary>
internal sealed class FakeProducer(FakeCluster cluster, ManualTime time, IReadOnlyDictionary<string, string> properties) : IProducerPort
{
    private readonly Lock _lock = new();
    private readonly List<(string Topic, Message<byte[]?, byte[]?> Message, Action<DeliveryReport<byte[]?, byte[]?>> Report)> _pending = [];
    private readonly List<(string, int, long)> _written = []; // in the open transaction
    private readonly Dictionary<int, long> _offsets = [];
    private bool _open;
    private bool _failed; // a message of the transaction failed: it can only be aborted

    public IReadOnlyDictionary<string, string> Properties { get; } = properties;
    public bool IsTransactional { get; } = properties.ContainsKey("transactional.id");
    public bool Disposed { get; private set; }
    public int Produced { get; private set; }

    /// <summary>Thrown by the next calls of <see cref="Produce"/>.</summary>
    public Queue<ErrorCode> Refusals { get; } = [];

    public int Pending
    {
        get { lock (_lock) return _pending.Count; }
    }

    public void Produce(TopicPartition target, Message<byte[]?, byte[]?> message, Action<DeliveryReport<byte[]?, byte[]?>> reported)
    {
        if (Refusals.TryDequeue(out var refusal)) throw new ProduceException<byte[]?, byte[]?>(new(refusal), new());
        if (IsTransactional && !_open) throw new ProduceException<byte[]?, byte[]?>(new(ErrorCode.Local_State), new());
        Produced++;
        lock (_lock) _pending.Add((target.Topic, message, reported));
    }

    /// <summary>Reports the oldest ones.</summary>
    public void Report(int count, ErrorCode error = ErrorCode.NoError)
    {
        for (; count > 0; count--)
        {
            (string Topic, Message<byte[]?, byte[]?> Message, Action<DeliveryReport<byte[]?, byte[]?>> Report) oldest;
            lock (_lock)
            {
                if (_pending.Count == 0 || Disposed) return;
                oldest = _pending[0];
                _pending.RemoveAt(0);
            }

            var ends = error == ErrorCode.NoError && cluster.Large(oldest.Message) ? ErrorCode.MsgSizeTooLarge : error;
            if (ends == ErrorCode.NoError) Take(oldest.Topic, oldest.Message);
            else _failed = true;
            oldest.Report(new() { Error = new(ends) });
        }
    }

    public void LookAt(string topic, TimeSpan patience)
    {
    }

    public void InitTransactions(TimeSpan patience)
    {
        switch (Next())
        {
            case CallEnds.TimedOut or CallEnds.TimedOutDone: throw new KafkaException(ErrorCode.Local_TimedOut);
            case CallEnds.Fenced: throw new KafkaException(ErrorCode.Local_Fenced);
        }

        cluster.Dangling?.Invoke();
        cluster.Dangling = null;
    }

    public void BeginTransaction()
    {
        _open = true;
        _failed = false;
    }

    public void SendOffsets(IReadOnlyList<TopicPartitionOffset> offsets, IConsumerGroupMetadata group, TimeSpan patience)
    {
        if (((FakeConsumer.Metadata)group).Generation != cluster.Generation) throw Abortable(ErrorCode.IllegalGeneration);
        Fail(Next());
        foreach (var offset in offsets) _offsets[offset.Partition.Value] = offset.Offset.Value;
    }

    public void CommitTransaction(TimeSpan patience)
    {
        Report(int.MaxValue);
        if (_failed) throw Abortable(ErrorCode.Local_Inconsistent);
        var ends = Next();
        if (ends == CallEnds.TimedOutDone) cluster.Dangling = Apply(); // to be seen when the next producer has made sure
        Fail(ends);
        Apply()();
        _open = false;
    }

    public void AbortTransaction(TimeSpan patience)
    {
        Fail(Next());
        Purge();
        _written.Clear();
        _offsets.Clear();
        _open = false;
        _failed = false;
    }

    public void Dispose() => Disposed = true;

    private void Take(string topic, Message<byte[]?, byte[]?> message)
    {
        var (partition, offset) = FakeCluster.PlaceOf(message);
        if (IsTransactional) _written.Add((topic, partition, offset));
        else cluster.Visible.Add((topic, partition, offset));
    }

    private Action Apply()
    {
        List<(string, int, long)> written = [.. _written];
        Dictionary<int, long> offsets = new(_offsets);
        _written.Clear();
        _offsets.Clear();
        return () =>
        {
            cluster.Visible.AddRange(written);
            foreach (var (partition, offset) in offsets) cluster.Commit(partition, offset);
        };
    }

    private void Purge()
    {
        lock (_lock)
        {
            foreach (var pending in _pending.ToList()) pending.Report(new() { Error = new(ErrorCode.Local_PurgeQueue) });
            _pending.Clear();
        }
    }

    private CallEnds Next() => cluster.Calls.TryDequeue(out var ends) ? ends : CallEnds.Well;

    private void Fail(CallEnds ends)
    {
        switch (ends)
        {
            case CallEnds.TimedOut or CallEnds.TimedOutDone:
                time.Pass(TimeSpan.FromMinutes(10)); // whatever it is tried for, it is over
                throw new KafkaException(ErrorCode.Local_TimedOut);
            case CallEnds.Fenced: throw new KafkaException(new Error(ErrorCode.Local_Fenced, "fenced", true));
            case CallEnds.Abortable: throw Abortable(ErrorCode.UnknownProducerId);
        }
    }

    private static KafkaTxnRequiresAbortException Abortable(ErrorCode code) => new(new Error(code));
}
