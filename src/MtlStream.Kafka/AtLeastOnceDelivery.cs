using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Offsets are stored behind delivery reports; the client commits what is stored.</summary>
internal sealed class AtLeastOnceDelivery(SessionContext context, PublishGate gate, Producers producers, OutboundMessages messages) : IDelivery
{
    private static readonly TimeSpan s_storeOffsets = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_reportsOfRevoked = TimeSpan.FromSeconds(5);

    private readonly Dictionary<TopicPartition, Rewinds> _rewinds = [];
    private readonly HashSet<PendingRecord> _pending = []; // with the client; locks itself
    private long _stored;
    private volatile Error _lastError = new(ErrorCode.NoError, "");

    public string LastTrouble => _lastError.Reason;

    public bool InTransaction => false;

    public long Commits => 0;

    public bool AllCommitted => context.Table.Current.All(f => f.GivenUp || f.Committable is not { } offset || offset == f.Confirmed);

    public bool TryBegin() => true;

    public bool IsRefused(OutboundRecord record, [NotNullWhen(true)] out PublishRefusal? refusal)
    {
        refusal = null;
        return false;
    }

    public void Sent(PendingRecord pending)
    {
        lock (_pending)
        {
            if (!pending.Ended) _pending.Add(pending); // its report may have been faster
        }
    }

    public void Reported(PendingRecord pending, Error error)
    {
        if (!TryEnd(pending)) return;
        var (record, flow) = (pending.Record, pending.Flow);
        PublishRefusal? refusal = null;
        if (!error.IsError) messages.Delivered(record);
        else if (!flow.Revoked) refusal = Failed(record, flow, error);

        // Reporting acknowledges it: a record that was not delivered must hold the committable offset back before that.
        var outcome = !error.IsError ? PublishOutcome.Durable : refusal is null ? PublishOutcome.Dropped : PublishOutcome.Refused;
        if (outcome == PublishOutcome.Dropped) flow.Drop(record.Source.Position.Sequence);
        Report(pending, outcome, refusal);
    }

    public void Broke(Exception exception) => gate.Fail(DeliveryErrors.Broken(exception));

    public void Trouble(Error error)
    {
        _lastError = error;
        if (error.IsFatal || error.Code is ErrorCode.Local_Fatal or ErrorCode.Local_Fenced)
            gate.Fail($"The producer failed for good: {error.Reason}. What was in flight is delivered again.");
        context.Signal.Set();
    }

    public bool TryInitialize(IProducerPort producer) => true;

    public bool TryLetGo()
    {
        gate.Close();
        return gate.Unreported == 0;
    }

    public void RenewProducer(string reason)
    {
        _lastError = new(ErrorCode.Local_Outdated, reason);
        foreach (var flow in context.Table.Current) flow.Revoke(); // read again from what is acknowledged
        producers.Drop();
        context.Metrics.Rebuilt("producer");
        context.Logger.ProducerRebuilt(reason);
        PendingRecord[] left;
        lock (_pending) left = [.. _pending];
        foreach (var pending in left.Where(TryEnd))
        {
            pending.Flow.Drop(pending.Record.Source.Position.Sequence);
            Report(pending, PublishOutcome.Dropped, null);
        }
    }

    public void Recover()
    {
    }

    public void Resume() => gate.Open();

    public void Commit(IConsumerPort consumer, bool producerReady)
    {
        if (context.Time.GetElapsedTime(_stored) < s_storeOffsets) return;
        _stored = context.Time.GetTimestamp();
        StoreAll(consumer);
    }

    public bool MayRewind(PartitionFlow flow)
    {
        if (!_rewinds.TryGetValue(flow.Partition, out var rewinds)) _rewinds[flow.Partition] = rewinds = new(context.Time);
        if (rewinds.Assignment != flow.Assignment)
        {
            rewinds.Assignment = flow.Assignment;
            rewinds.Backoff.Failed(progressed: flow.Committable is not null, counts: !_lastError.IsLocalError);
            if (rewinds.Backoff.InVain) gate.Fail(DeliveryErrors.InVain(flow.Partition.ToString(), LastTrouble));
        }

        return rewinds.Backoff.IsOver;
    }

    public IReadOnlyDictionary<TopicPartition, long> RestartAt(IReadOnlyList<PartitionFlow> over, IConsumerPort consumer)
    {
        var offsets = new Dictionary<TopicPartition, long>();
        foreach (var flow in over)
        {
            Store(flow, consumer);
            if (flow.Committable is { } acknowledged) offsets[flow.Partition] = acknowledged;
        }

        return offsets;
    }

    public void Revoke(IReadOnlyList<PartitionFlow> flows, IConsumerPort consumer)
    {
        AwaitReports(flows);
        foreach (var flow in flows) Store(flow, consumer); // committed by the client before the partition goes
    }

    public void Lose(string reason)
    {
    }

    public void Complete(IConsumerPort consumer, bool drained) => StoreAll(consumer);

    /// <summary>False when the record was ended before.</summary>
    private bool TryEnd(PendingRecord pending)
    {
        lock (_pending)
        {
            if (pending.Ended) return false;
            _pending.Remove(pending);
            return pending.Ended = true;
        }
    }

    private void Report(PendingRecord pending, PublishOutcome outcome, PublishRefusal? refusal)
    {
        try
        {
            pending.Report(pending.Record, outcome, refusal);
        }
        finally
        {
            pending.Flow.EndPublish();
            gate.Reported();
        }
    }

    /// <summary>What a failed delivery means; a refusal when the record is to blame.</summary>
    private PublishRefusal? Failed(OutboundRecord record, PartitionFlow flow, Error error)
    {
        var topic = messages.TopicOf(record);
        context.Metrics.SendFailed(topic, error.Code.ToString());
        switch (DeliveryErrors.Classify(error))
        {
            case DeliveryFailure.Permanent when producers.Batches.MayShareBatch(record):
                flow.Revoke(); // read again, and sent alone
                _lastError = error;
                producers.RefuseBatch(topic, error);
                return null;
            case DeliveryFailure.Permanent:
                return DeliveryErrors.Refusal(record, error, topic);
            case DeliveryFailure.Unwritable:
                gate.Fail(DeliveryErrors.Unwritable(topic, error));
                flow.Revoke();
                return null;
            default:
                flow.Revoke(); // the poll thread reads the partition again from what is acknowledged
                Trouble(error);
                return null;
        }
    }

    private void AwaitReports(IReadOnlyList<PartitionFlow> flows)
    {
        var since = context.Time.GetTimestamp();
        while (flows.Any(f => !f.NothingPublishing) && !context.IsAbandoned)
        {
            if (context.Time.GetElapsedTime(since) > s_reportsOfRevoked)
            {
                context.Logger.ReportsLate(flows.Count(f => !f.NothingPublishing), s_reportsOfRevoked.TotalSeconds);
                return;
            }

            context.Signal.Wait(TimeSpan.FromMilliseconds(1));
        }
    }

    private void StoreAll(IConsumerPort consumer)
    {
        foreach (var flow in context.Table.Current) Store(flow, consumer);
    }

    private static void Store(PartitionFlow flow, IConsumerPort consumer)
    {
        if (flow.Committable is not { } offset || offset == flow.Stored || flow.GivenUp) return;
        try
        {
            consumer.Store(new(flow.Partition, offset));
            flow.Stored = offset;
        }
        catch (KafkaException)
        {
            // no longer assigned: its new owner reads it again
        }
    }

    private sealed class Rewinds(TimeProvider time)
    {
        /// <summary>Of the flow that was over last.</summary>
        public int Assignment { get; set; }

        public Backoff Backoff { get; } = new(time);
    }
}
