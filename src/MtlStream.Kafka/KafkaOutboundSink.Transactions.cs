using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

// The poll thread's side: making the producer, and committing or aborting transactions.
public sealed partial class KafkaOutboundSink
{
    private static readonly Error s_stuck = new(ErrorCode.Local_TimedOut, "the client did not come back from a call");
    private static readonly TimeSpan s_slice = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_fencedAgain = TimeSpan.FromMinutes(1);
    private static readonly Destination[] s_destinations = Enum.GetValues<Destination>();

    private readonly Dictionary<(Destination, string, int, long), PublishRefusal> _refused = [];
    private List<(OutboundRecord Record, PublishReport Reported)> _transaction = [];
    private bool _inTransaction;
    private long _began;
    private long _lastFenced;
    private bool _initialized;
    private Error? _doubt;
    private Task _stuck = Task.CompletedTask; // the producer's call that has not come back

    /// <summary>The newest error that the client did not get over by itself; empty before the first.</summary>
    internal string LastTrouble { get; private set; } = "";

    /// <summary>Transactions committed so far.</summary>
    internal long Commits { get; private set; }

    /// <summary>An error after which the open transaction can only be aborted; null when there is none.</summary>
    internal Error? Doubtful
    {
        get { lock (_gate) return _doubt; }
    }

    /// <summary>Makes and initialises the producer when there is none; true when publishing can go on. Blocks for a second at most.</summary>
    internal bool EnsureProducer()
    {
        if (_initialized && _batches.IsDue && !TryEndProducer()) return _configuration.ExactlyOnce; // a transaction is ended first, by its commit or by its failure
        if (_initialized)
        {
            if (_outgrown is { } topic) LookAgain(topic);
            return true;
        }

        if (_failure is not null) return false;
        _producer ??= NewProducer();
        if (_configuration.ExactlyOnce)
        {
            try
            {
                _producer.InitTransactions(s_slice);
            }
            catch (KafkaRetriableException exception)
            {
                _logger.TransactionsNotReady(exception.Error.Reason);
                return false;
            }
            catch (KafkaException exception) when (exception.Error.Code == ErrorCode.Local_TimedOut)
            {
                _logger.TransactionsNotReady(exception.Error.Reason);
                return false;
            }
            catch (KafkaException exception)
            {
                DropProducer();
                if (DeliveryErrors.IsFenced(exception.Error)) NoteFenced();
                else Fail($"Transactions with id '{_configuration.TransactionalId}' cannot be started: {exception.Error.Reason}.");
                return false;
            }
        }

        return _initialized = true;
    }

    /// <summary>Has the producer look how many partitions a topic has: by itself it does so seldom, or never.</summary>
    /// <remarks>What is to be published waits, and asks for its partition anew each time: it goes on when the producer and <see cref="TopicWatch"/> agree.</remarks>
    private void LookAgain(string topic)
    {
        if (_time.GetElapsedTime(_lookedAgain) < s_slice) return;
        _outgrown = null;
        try
        {
            using var admin = new DependentAdminClientBuilder(_producer!.Handle).Build();
            admin.GetMetadata(topic, s_slice);
        }
        catch (KafkaException exception)
        {
            _logger.ClientError("producer", exception.Error.Reason); // as long as something is to go there, it is looked again
        }

        _lookedAgain = _time.GetTimestamp();
    }

    /// <summary>Ends the producer if nothing is with it; else, outside transactions, lets nothing more through.</summary>
    private bool TryEndProducer()
    {
        lock (_gate)
        {
            if (_inTransaction) return false;
            CloseGate();
            if (!_configuration.ExactlyOnce && Volatile.Read(ref _unreported) > 0) return false;
        }

        DropProducer();
        return true;
    }

    /// <summary>Lets records through.</summary>
    internal void OpenGate()
    {
        lock (_gate)
        {
            if (_open || _failure is not null) return;
            _open = true;
            _doubt = null;
            _opened.TrySetResult();
        }
    }

    /// <summary>True when the open transaction is due: old enough, large enough, or waited for.</summary>
    internal bool CommitIsDue()
    {
        lock (_gate)
        {
            if (!_inTransaction) return false;
            var most = Math.Min(_configuration.Delivery.MaxTransactionEvents, Math.Max(1, _options.MaxInFlightEvents / 2));
            return _idle is not null || _transaction.Count >= most || _time.GetElapsedTime(_began) >= _configuration.Delivery.CommitInterval;
        }
    }

    /// <summary>Commits the open transaction with the offsets it covers.</summary>
    /// <returns>
    /// True when there is nothing left to commit; false when it must wait for an event whose dead letter is still to come, or, with
    /// <see cref="Doubtful"/> or <see cref="Failure"/> set, must be aborted.
    /// </returns>
    internal bool TryCommit(IConsumerGroupMetadata group, CancellationToken abandon)
    {
        List<PartitionFlow> flows;
        lock (_gate)
        {
            if (!_inTransaction) return true;
            if (_doubt is not null || _failure is not null) return false; // after a failure every flow is given up: it would be committed without its offsets
            flows = [.. _table.Current.Where(f => !f.GivenUp)];
            if (flows.Any(f => f.PublishedWithGap)) return false;
            CloseGate();
        }

        var started = _time.GetTimestamp();
        var offsets = flows.Where(f => f.PublishedUpTo is not null && f.PublishedUpTo != f.Stored)
            .Select(f => new TopicPartitionOffset(f.Partition, f.PublishedUpTo!.Value)).ToList();
        var producer = _producer!;
        var error = Retrying(() => producer.SendOffsetsToTransaction(offsets, group, s_slice), abandon)
            ?? Retrying(() => producer.CommitTransaction(s_slice), abandon);
        if (error is not null)
        {
            _metrics.Committed(_time.GetElapsedTime(started), error.Code.ToString());
            lock (_gate) _doubt ??= error;
            return false;
        }

        _metrics.Committed(_time.GetElapsedTime(started));
        Commits++;
        foreach (var flow in flows) flow.Stored = flow.PublishedUpTo;
        var committed = EndTransaction();
        if (!_batches.IsDue) OpenGate();
        foreach (var (record, reported) in committed)
        {
            CountOne(record);
            ForgetRefusal(record);
            reported(record, PublishOutcome.Durable);
        }

        return true;
    }

    /// <summary>Gives the open transaction up, if need be with its producer. All flows it covers must be retired before.</summary>
    /// <remarks>The gate stays closed until the partitions are rewound.</remarks>
    /// <returns>Why, in librdkafka's words.</returns>
    internal string Abort(string reason, CancellationToken abandon)
    {
        Error? doubt;
        bool inTransaction;
        lock (_gate)
        {
            CloseGate();
            (doubt, inTransaction) = (_doubt, _inTransaction);
        }

        if (doubt is not null) reason = doubt.Reason;
        if (doubt is { IsFatal: true } || IsUnknownOutcome(doubt) || !_stuck.IsCompleted) Rebuild(doubt ?? s_stuck);
        else if (inTransaction && _producer is { } producer && Retrying(() => producer.AbortTransaction(s_slice), abandon) is { } error) Rebuild(error);
        _metrics.Aborted();

        foreach (var (record, reported) in EndTransaction()) reported(record, PublishOutcome.Dropped);
        return reason;
    }

    /// <summary>Ends the producer. What it still holds is dropped.</summary>
    internal void DropProducer()
    {
        _initialized = false;
        lock (_gate) CloseGate();
        if (_producer is { } producer && !_stuck.IsCompleted) _ = _stuck.ContinueWith(_ => producer.Dispose(), TaskScheduler.Default); // not under its feet
        else _producer?.Dispose();
        (_producer, _stuck) = (null, Task.CompletedTask);
    }

    private bool TryBeginTransaction()
    {
        if (!_configuration.ExactlyOnce || _inTransaction) return true;
        try
        {
            _producer!.BeginTransaction();
            (_inTransaction, _began) = (true, _time.GetTimestamp());
            return true;
        }
        catch (KafkaException exception)
        {
            Doubt(exception.Error);
            return false;
        }
    }

    // Only now: until what answers its event is committed, a refused record may come again.
    private void ForgetRefusal(OutboundRecord record)
    {
        lock (_gate)
        {
            if (_refused.Count == 0 || record.Destination == Destination.Review) return;
            foreach (var destination in s_destinations) _refused.Remove(Identity(record) with { Item1 = destination });
        }
    }

    private List<(OutboundRecord Record, PublishReport Reported)> EndTransaction()
    {
        lock (_gate)
        {
            var ended = _transaction;
            (_transaction, _inTransaction, _doubt) = ([], false, null);
            if (Interlocked.Add(ref _unreported, -ended.Count) == 0)
            {
                _idle?.TrySetResult();
                _idle = null;
            }

            return ended;
        }
    }

    private void ReportedInTransaction(IProducer<byte[]?, byte[]?> producer, OutboundRecord record, DeliveryReport<byte[]?, byte[]?> report)
    {
        if (!report.Error.IsError || producer != Volatile.Read(ref _producer)) return; // one that was replaced has no say any more
        if (report.Error.Code is ErrorCode.Local_PurgeQueue or ErrorCode.Local_PurgeInflight) return; // the abort purged it
        var topic = TopicOf(record);
        _metrics.SendFailed(topic, report.Error.Code.ToString());
        switch (DeliveryErrors.Classify(report.Error))
        {
            case DeliveryFailure.Permanent when _batches.MayShareBatch(record):
                RefuseBatch(topic, report.Error); // read again, and sent alone
                break;
            case DeliveryFailure.Permanent:
                // It takes its transaction with it; when it comes again it is refused before it is sent.
                lock (_gate) _refused[Identity(record)] = DeliveryErrors.Refusal(record, report.Error, topic);
                break;
            case DeliveryFailure.Unwritable:
                Fail($"Topic '{topic}' cannot be written: {report.Error.Reason}.");
                break;
        }

        Doubt(report.Error);
    }

    /// <summary>Notes an error that the client does not get over by itself, and has the poll thread deal with it.</summary>
    private void Doubt(Error error)
    {
        LastTrouble = error.Reason;
        if (_configuration.ExactlyOnce)
        {
            lock (_gate)
            {
                CloseGate();
                _doubt ??= error;
            }
        }
        else if (error.IsFatal || error.Code is ErrorCode.Local_Fatal or ErrorCode.Local_Fenced)
        {
            Fail($"The producer failed for good: {error.Reason}. What was in flight is delivered again.");
        }

        Wake();
    }

    private void CloseGate()
    {
        if (!_open) return;
        _open = false;
        _opened = NewSignal();
        if (_failure is not null) _opened.TrySetResult();
    }

    /// <summary>Runs one transactional call until it is done; null, or the error that retrying does not help with.</summary>
    private Error? Retrying(Action call, CancellationToken abandon)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return Returns(call, abandon) ? null : s_stuck;
            }
            catch (KafkaException exception) when (
                (exception is KafkaRetriableException || exception.Error.Code == ErrorCode.Local_TimedOut)
                && !abandon.IsCancellationRequested && _time.GetElapsedTime(started) < 2 * _configuration.TransactionTimeout)
            {
                abandon.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(20)); // the call goes on in the background; asking again waits for it
            }
            catch (KafkaException exception)
            {
                return exception.Error;
            }
        }
    }

    /// <summary>Makes a call on a thread of its own; false when it does not come back while the transaction can live.</summary>
    /// <remarks>
    /// librdkafka's <c>send_offsets_to_transaction</c> keeps to no time-out while it looks for the group's coordinator, and looks for ever
    /// when that broker has left the cluster (https://github.com/confluentinc/librdkafka/issues/5456 and 5511).
    /// </remarks>
    private bool Returns(Action call, CancellationToken abandon)
    {
        var started = _time.GetTimestamp();
        var made = Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (Task.WaitAny([made], s_slice) < 0)
        {
            if (_time.GetElapsedTime(started) <= (abandon.IsCancellationRequested ? 2 * s_slice : _configuration.TransactionTimeout)) continue;
            _stuck = made;
            return false;
        }

        made.GetAwaiter().GetResult();
        return true;
    }

    // After a time-out nobody knows whether the transaction is committed: only a new producer, which ends what the old one left, brings certainty.
    private static bool IsUnknownOutcome(Error? error) =>
        error is not null && (error.Code == ErrorCode.Local_TimedOut || error.Code == ErrorCode.Local_State || DeliveryErrors.IsFenced(error));

    private void Rebuild(Error reason)
    {
        var outlived = _inTransaction && _time.GetElapsedTime(_began) > _configuration.TransactionTimeout; // the broker ended it, no duplicate did
        DropProducer();
        _metrics.Rebuilt("producer");
        _logger.ProducerRebuilt(reason.Reason);
        if (DeliveryErrors.IsFenced(reason) && !outlived) NoteFenced();
    }

    private void NoteFenced()
    {
        var now = _time.GetTimestamp();
        if (_lastFenced != 0 && _time.GetElapsedTime(_lastFenced, now) < s_fencedAgain)
            Fail($"Another worker uses the transactional id '{_configuration.TransactionalId}' too: fenced twice within a minute. Give each its own Delivery:TransactionalId.");
        _lastFenced = now;
    }

    private IProducer<byte[]?, byte[]?> NewProducer() =>
        new ProducerBuilder<byte[]?, byte[]?>(_batches.Next())
            .SetErrorHandler((_, error) => _logger.ClientError("producer", error.Reason))
            .SetLogHandler((_, line) => _logger.ClientLine("producer", line.Facility, line.Message))
            .Build();
}
