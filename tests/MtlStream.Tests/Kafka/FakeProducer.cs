using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

/// <summary>Keeps what it is given until the test says how it ended.</summary>
internal sealed class FakeProducer(FakeCluster cluster, ManualTime time, IReadOnlyDictionary<string, string> properties) : IProducerPort
{
    private readonly Lock _lock = new();
    private readonly List<(string Topic, Message<byte[]?, byte[]?> Message, Action<DeliveryReport<byte[]?, byte[]?>> Report)> _pending = [];
    private readonly List<(string, Message<byte[]?, byte[]?>)> _written = []; // in the open transaction
    private readonly string _knows = cluster.IdOf(FakeCluster.Results) + cluster.IdOf(FakeCluster.Letters) + cluster.IdOf(FakeCluster.Review);
    private readonly Dictionary<int, long> _offsets = [];
    private bool _open;
    private bool _failed; // a message of the transaction failed: it can only be aborted

    public IReadOnlyDictionary<string, string> Properties { get; } = properties;
    public bool IsTransactional { get; } = properties.ContainsKey("transactional.id");
    public bool Disposed { get; private set; }
    public int Produced { get; private set; }

    /// <summary>Thrown by the next calls of <see cref="Produce"/>.</summary>
    public Queue<ErrorCode> Refusals { get; } = [];

    /// <summary>A topic was made again since: what is given to it goes nowhere.</summary>
    private bool IsOutdated => _knows != cluster.IdOf(FakeCluster.Results) + cluster.IdOf(FakeCluster.Letters) + cluster.IdOf(FakeCluster.Review);

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
                if (_pending.Count == 0 || Disposed || IsOutdated) return;
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
        if (Pending > 0) Fail(CallEnds.TimedOut);
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
        if (IsTransactional) _written.Add((topic, message));
        else Show(topic, message);
    }

    private void Show(string topic, Message<byte[]?, byte[]?> message)
    {
        if (cluster.PlaceOf(message) is { } place) cluster.Visible.Add((topic, place.Partition, place.Offset));
    }

    private Action Apply()
    {
        List<(string Topic, Message<byte[]?, byte[]?> Message)> written = [.. _written];
        var input = cluster.IdOf(FakeCluster.Input);
        Dictionary<int, long> offsets = new(_offsets);
        _written.Clear();
        _offsets.Clear();
        return () =>
        {
            foreach (var (topic, message) in written) Show(topic, message);
            if (input != cluster.IdOf(FakeCluster.Input)) return; // what was not committed by then is gone with its topic
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
