using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>What a guarantee makes of publishing and committing. At least once and exactly once each have one.</summary>
/// <remarks>
/// The first group of members is called for records, by anyone, under the lock of <see cref="PublishGate"/> except
/// <see cref="Reported"/>; the second by the poll thread alone.
/// </remarks>
internal interface IDelivery
{
    /// <summary>True when a record may be given to the client now; begins a transaction where there has to be one.</summary>
    bool TryBegin();

    /// <summary>True when the record was refused for good when it was sent before.</summary>
    bool IsRefused(OutboundRecord record, [NotNullWhen(true)] out PublishRefusal? refusal);

    /// <summary>Notes that the client has taken a record.</summary>
    void Sent(PendingRecord pending);

    /// <summary>Deals with a delivery report. On a thread of the client's.</summary>
    void Reported(PendingRecord pending, Error error);

    /// <summary>Ends the run because a delivery report could not be dealt with. On a thread of the client's.</summary>
    void Broke(Exception exception);

    /// <summary>Notes an error that the client does not get over by itself.</summary>
    void Trouble(Error error);

    /// <summary>True while a transaction keeps the producer that it was begun with.</summary>
    bool InTransaction { get; }

    /// <summary>Why partitions are read again, in the client's words; empty before it first happened.</summary>
    string LastTrouble { get; }

    /// <summary>Transactions committed so far.</summary>
    long Commits { get; }

    /// <summary>True when the brokers hold all that could be committed.</summary>
    bool AllCommitted { get; }

    /// <summary>Makes a new producer ready; false when it is not yet, or never will be. Blocks for a second at most.</summary>
    bool TryInitialize(IProducerPort producer);

    /// <summary>True when nothing is with the producer, so that it can be ended; else lets nothing more through where that helps.</summary>
    bool TryLetGo();

    /// <summary>Gives up what is with the producer, which is made anew; it is read again.</summary>
    void RenewProducer(string reason);

    /// <summary>Gives up what failed since the last round.</summary>
    void Recover();

    /// <summary>Lets records through: the producer is ready, and what was given up is being read again.</summary>
    void Resume();

    /// <summary>Commits what is due.</summary>
    void Commit(IConsumerPort consumer, bool producerReady);

    /// <summary>True when it is time to read a partition again whose flow is over.</summary>
    bool MayRewind(PartitionFlow flow);

    /// <summary>Where to read partitions again whose flows are over; what is missing begins with the first event that was read.</summary>
    /// <exception cref="KafkaException">The brokers do not say now.</exception>
    IReadOnlyDictionary<TopicPartition, long> RestartAt(IReadOnlyList<PartitionFlow> over, IConsumerPort consumer);

    /// <summary>Commits what can be of partitions that are about to go.</summary>
    void Revoke(IReadOnlyList<PartitionFlow> flows, IConsumerPort consumer);

    /// <summary>Gives up what hangs on partitions that are gone already.</summary>
    void Lose(string reason);

    /// <summary>Commits what is left before the consumer leaves.</summary>
    /// <param name="drained">Everything read is acknowledged.</param>
    void Complete(IConsumerPort consumer, bool drained);
}

/// <summary>A record that the client has, until its delivery report comes.</summary>
internal sealed class PendingRecord(
    OutboundRecord record, PublishReport reported, PartitionFlow flow, IProducerPort producer, IDelivery delivery)
{
    public OutboundRecord Record { get; } = record;
    public PublishReport Report { get; } = reported;
    public PartitionFlow Flow { get; } = flow;
    public IProducerPort Producer { get; } = producer;

    /// <summary>Its report has come, or is not waited for any more. The delivery's own.</summary>
    public bool Ended { get; set; }

    public void Reported(DeliveryReport<byte[]?, byte[]?> report)
    {
        try
        {
            delivery.Reported(this, report.Error);
        }
#pragma warning disable CA1031 // the client would swallow it, and the run would wait for ever
        catch (Exception exception)
#pragma warning restore CA1031
        {
            delivery.Broke(exception);
        }
    }
}
