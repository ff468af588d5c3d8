using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Results and the offsets of their events are committed in one transaction, begun with its first record.</summary>
/// <remarks>After a failure the transaction is aborted, and every partition kept is read again from what the brokers hold.</remarks>
internal sealed class TransactionalDelivery(SessionContext context, PublishGate gate, Producers producers, OutboundMessages messages) : IDelivery
{
    private static readonly TimeSpan s_fencedAgain = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_askForOffsets = TimeSpan.FromSeconds(2);

    // By event; what was refused for good of the answers to it, which come again in the same order.
    private readonly Dictionary<(string, int, long), Dictionary<(Destination, LetterForm), PublishRefusal>> _refused = [];
    private readonly RepeatedLines _aborts = new(context.Time);
    private List<PendingRecord> _transaction = [];
    private bool _inTransaction;
    private long _began;
    private Error? _error; // after which the open transaction can only be aborted
    private long _lastFenced;

    private readonly Backoff _backoff = new(context.Time);
    private long _progress; // commits, and records refused for good
    private long _progressBefore;

    public string LastTrouble { get; private set; } = "";

    public long Commits { get; private set; }

    public bool InTransaction
    {
        get { lock (gate.Lock) return _inTransaction; }
    }

    private Error? TransactionError
    {
        get { lock (gate.Lock) return _error; }
    }

    public bool AllCommitted => !InTransaction;

    public bool TryBegin()
    {
        if (_inTransaction) return true;
        try
        {
            producers.Current!.BeginTransaction();
            _inTransaction = true;
            _began = context.Time.GetTimestamp();
            return true;
        }
        catch (KafkaException exception)
        {
            Trouble(exception.Error);
            return false;
        }
    }

    public bool IsRefused(OutboundRecord record, [NotNullWhen(true)] out PublishRefusal? refusal)
    {
        refusal = null;
        return _refused.TryGetValue(EventOf(record), out var refused) && refused.TryGetValue((record.Destination, record.Form), out refusal);
    }

    public void Sent(PendingRecord pending)
    {
        pending.Flow.Published(pending.Record.Source.Position.Sequence);
        pending.Flow.EndPublish();
        _transaction.Add(pending);
    }

    public void Reported(PendingRecord pending, Error error)
    {
        if (!error.IsError || pending.Producer != producers.Current) return; // one that was replaced has no say any more
        if (error.Code is ErrorCode.Local_PurgeQueue or ErrorCode.Local_PurgeInflight) return; // the abort purged it
        var record = pending.Record;
        var topic = messages.TopicOf(record);
        context.Metrics.SendFailed(topic, error.Code.ToString());
        switch (DeliveryErrors.Classify(error))
        {
            case DeliveryFailure.Permanent when producers.Batches.MayShareBatch(record):
                producers.RefuseBatch(topic, error); // read again, and sent alone
                break;
            case DeliveryFailure.Permanent:
                // It takes its transaction with it; when it comes again it is refused before it is sent.
                lock (gate.Lock)
                {
                    if (!_refused.TryGetValue(EventOf(record), out var refused)) _refused[EventOf(record)] = refused = [];
                    refused[(record.Destination, record.Form)] = DeliveryErrors.Refusal(record, error, topic);
                    _progress++;
                }

                break;
            case DeliveryFailure.Unwritable:
                gate.Fail(DeliveryErrors.Unwritable(topic, error));
                break;
        }

        Trouble(error);
    }

    public void Broke(Exception exception) => gate.Fail(DeliveryErrors.Broken(exception));

    /// <summary>Notes an error after which the transaction can only be aborted, and has the poll thread do it.</summary>
    public void Trouble(Error error)
    {
        LastTrouble = error.Reason;
        lock (gate.Lock)
        {
            gate.Close();
            _error ??= error;
        }

        context.Signal.Set();
    }

    public bool TryInitialize(IProducerPort producer)
    {
        try
        {
            producer.InitTransactions(Producers.Slice);
            return true;
        }
        catch (KafkaException exception) when (exception is KafkaRetriableException || exception.Error.Code == ErrorCode.Local_TimedOut)
        {
            context.Logger.TransactionsNotReady(exception.Error.Reason);
            return false;
        }
        catch (KafkaException exception)
        {
            producers.Drop();
            if (DeliveryErrors.IsFenced(exception.Error)) NoteFenced();
            else gate.Fail($"Transactions with id '{context.Configuration.TransactionalId}' cannot be started: {exception.Error.Reason}.");
            return false;
        }
    }

    public bool TryLetGo()
    {
        lock (gate.Lock)
        {
            if (_inTransaction) return false;
            gate.Close();
            return true;
        }
    }

    // Nobody knows what has become of the transaction: the next producer ends it.
    public void RenewProducer(string reason) => Trouble(new(ErrorCode.Local_State, reason));

    public void Recover()
    {
        if (TransactionError is not null) Abandon("publishing failed");
    }

    public void Resume()
    {
        lock (gate.Lock)
        {
            if (gate.IsOpen) return;
            _error = null;
            gate.Open();
        }
    }

    public void Commit(IConsumerPort consumer, bool producerReady)
    {
        if (!producerReady || !CommitIsDue() || TryCommit(consumer)) return;
        if (TransactionError is not null) Abandon("commit failed");
    }

    public bool MayRewind(PartitionFlow flow) => _backoff.IsOver;

    public IReadOnlyDictionary<TopicPartition, long> RestartAt(IReadOnlyList<PartitionFlow> over, IConsumerPort consumer)
    {
        var offsets = new Dictionary<TopicPartition, long>();
        foreach (var committed in consumer.Committed(over.Select(f => f.Partition), s_askForOffsets))
            if (committed.Offset.Value >= 0) offsets[committed.TopicPartition] = committed.Offset.Value;
        return offsets;
    }

    public void Revoke(IReadOnlyList<PartitionFlow> flows, IConsumerPort consumer)
    {
        if (!context.IsAbandoned && TryCommit(consumer)) return;
        Abandon("partitions were revoked before everything in the transaction could be committed");
    }

    public void Lose(string reason) => Abandon(reason);

    public void Complete(IConsumerPort consumer, bool drained)
    {
        if (drained) TryCommit(consumer);
    }

    /// <summary>True when the open transaction is old enough, large enough, or waited for.</summary>
    private bool CommitIsDue()
    {
        var most = Math.Min(context.Configuration.Delivery.MaxTransactionEvents, Math.Max(1, context.Options.MaxInFlightEvents / 2));
        lock (gate.Lock)
        {
            if (!_inTransaction) return false;
            if (gate.IdleIsAwaited || _transaction.Count >= most) return true;
            return context.Time.GetElapsedTime(_began) >= context.Configuration.Delivery.CommitInterval;
        }
    }

    /// <summary>Commits the open transaction with the offsets it covers.</summary>
    /// <returns>
    /// True when there is nothing left to commit; false when it must wait for an event whose dead letter is still to come, or, with
    /// a transaction error or a failure of the gate, must be aborted.
    /// </returns>
    private bool TryCommit(IConsumerPort consumer)
    {
        List<PartitionFlow> flows;
        lock (gate.Lock)
        {
            if (!_inTransaction) return true;
            // After a failure every flow is given up: it would be committed without its offsets.
            if (_error is not null || gate.Failure is not null) return false;
            flows = [.. context.Table.Current.Where(f => !f.GivenUp)];
            if (flows.Any(f => f.PublishedWithGap)) return false;
            gate.Close();
        }

        var started = context.Time.GetTimestamp();
        if (SendAndCommit(flows, consumer.Group) is { } error)
        {
            context.Metrics.Committed(context.Time.GetElapsedTime(started), error.Code.ToString());
            lock (gate.Lock) _error ??= error;
            return false;
        }

        context.Metrics.Committed(context.Time.GetElapsedTime(started));
        Commits++;
        lock (gate.Lock) _progress++;
        foreach (var flow in flows) flow.Stored = flow.PublishedUpTo;
        var committed = EndTransaction();
        if (!producers.Batches.IsDue) gate.Open();
        foreach (var pending in committed) Committed(pending);
        return true;
    }

    private Error? SendAndCommit(List<PartitionFlow> flows, IConsumerGroupMetadata group)
    {
        var offsets = new List<TopicPartitionOffset>(flows.Count);
        foreach (var flow in flows)
            if (flow.PublishedUpTo is { } offset && offset != flow.Stored) offsets.Add(new(flow.Partition, offset));
        return producers.Call(p => p.SendOffsets(offsets, group, Producers.Slice))
            ?? producers.Call(p => p.CommitTransaction(Producers.Slice));
    }

    private void Committed(PendingRecord pending)
    {
        messages.Delivered(pending.Record);
        ForgetRefusal(pending.Record);
        pending.Report(pending.Record, PublishOutcome.Durable);
    }

    // Only now: until what answers its event is committed, a refused record may come again.
    private void ForgetRefusal(OutboundRecord record)
    {
        lock (gate.Lock)
        {
            if (_refused.Count > 0) _refused.Remove(EventOf(record));
        }
    }

    /// <summary>Aborts the open transaction and has every partition that is kept read again from what the brokers hold.</summary>
    private void Abandon(string reason)
    {
        foreach (var flow in context.Table.Current) flow.Abandon();
        var error = TransactionError;
        LastTrouble = Abort(reason);
        if (_aborts.TryTake(LastTrouble, out var times)) context.Logger.TransactionAborted(RepeatedLines.WithCount(LastTrouble, times));

        // Failing again and again without a commit in between: take longer each time.
        bool progressed;
        lock (gate.Lock)
        {
            progressed = _progress != _progressBefore;
            _progressBefore = _progress;
        }

        _backoff.Failed(progressed, counts: error is { IsLocalError: false });
        if (_backoff.InVain) gate.Fail(DeliveryErrors.InVain($"transactional id {context.Configuration.TransactionalId}", LastTrouble));
    }

    /// <summary>Gives the open transaction up, if need be with its producer. All flows it covers are given up before.</summary>
    /// <remarks>The gate stays closed until the partitions are rewound.</remarks>
    /// <returns>Why, in librdkafka's words where there are any.</returns>
    private string Abort(string reason)
    {
        Error? error;
        bool inTransaction;
        lock (gate.Lock)
        {
            gate.Close();
            error = _error;
            inTransaction = _inTransaction;
        }

        if (error is { IsFatal: true } || IsUnknownOutcome(error) || producers.Stuck is not null) Rebuild(error ?? producers.Stuck!);
        else if (inTransaction && producers.Current is not null && producers.Call(p => p.AbortTransaction(Producers.Slice)) is { } failed)
            Rebuild(failed);
        context.Metrics.Aborted();

        foreach (var pending in EndTransaction()) pending.Report(pending.Record, PublishOutcome.Dropped);
        return error?.Reason ?? reason;
    }

    private List<PendingRecord> EndTransaction()
    {
        List<PendingRecord> ended;
        lock (gate.Lock)
        {
            ended = _transaction;
            _transaction = [];
            _inTransaction = false;
            _error = null;
        }

        gate.Reported(ended.Count);
        return ended;
    }

    // After a time-out nobody knows whether the transaction is committed: only a new producer, which ends what the old one left, brings certainty.
    private static bool IsUnknownOutcome(Error? error) =>
        error is not null && (error.Code is ErrorCode.Local_TimedOut or ErrorCode.Local_State || DeliveryErrors.IsFenced(error));

    private void Rebuild(Error reason)
    {
        // One that outlived its time-out was ended by the broker, not by a duplicate.
        var outlived = _inTransaction && context.Time.GetElapsedTime(_began) > context.Configuration.TransactionTimeout;
        producers.Drop();
        context.Metrics.Rebuilt("producer");
        context.Logger.ProducerRebuilt(reason.Reason);
        if (DeliveryErrors.IsFenced(reason) && !outlived) NoteFenced();
    }

    private void NoteFenced()
    {
        var now = context.Time.GetTimestamp();
        if (_lastFenced != 0 && context.Time.GetElapsedTime(_lastFenced, now) < s_fencedAgain)
        {
            gate.Fail(
                $"Another worker uses the transactional id '{context.Configuration.TransactionalId}' too: fenced twice within a minute. "
                + "Give each its own Delivery:TransactionalId.");
        }

        _lastFenced = now;
    }

    private static (string, int, long) EventOf(OutboundRecord record)
    {
        var position = record.Source.Position;
        return (position.Topic, position.Partition, position.Offset);
    }
}
