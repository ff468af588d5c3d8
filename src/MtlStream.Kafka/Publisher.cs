using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Gives records to the client, in the order in which they come. Thread-safe.</summary>
/// <remarks>Anyone may publish. While the poll thread commits or gives up, the gate is closed: publishing waits.</remarks>
internal sealed class Publisher(
    SessionContext context, PublishGate gate, Producers producers, OutboundMessages messages, IDelivery delivery)
{
    private static readonly DeliveryReport<byte[]?, byte[]?> s_nothingWritten = new() { Error = new(ErrorCode.NoError) };
    private static readonly TimeSpan s_clientFull = TimeSpan.FromMilliseconds(5);

    private readonly bool _compresses = context.Configuration.Compresses;
    private readonly long _queueBytes = context.Configuration.QueueBytes;

    /// <summary>How a try to publish ended.</summary>
    internal enum Attempt
    {
        /// <summary>The client has it, or it is reported.</summary>
        Done,

        /// <summary>The client has no room for it now.</summary>
        ClientFull,

        /// <summary>The poll thread commits, or gives up.</summary>
        GateClosed,
    }

    public async ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        while (true)
        {
            gate.ThrowIfFailed();
            switch (TryPublish(record, reported, out var opened))
            {
                case Attempt.Done: return;
                case Attempt.ClientFull: await Task.Delay(s_clientFull, context.Time, abort); break;
                case Attempt.GateClosed: await opened.WaitAsync(abort); break;
            }
        }
    }

    /// <param name="opened">Ends when the gate that was closed is open.</param>
    internal Attempt TryPublish(OutboundRecord record, PublishReport reported, out Task opened)
    {
        PublishRefusal? refusal = null;
        PendingRecord? unwritten = null;
        lock (gate.Lock)
        {
            opened = gate.Opened;
            var position = record.Source.Position;
            var flow = context.Table.Find(position);
            if (flow is null || !flow.TryBeginPublish())
            {
                flow?.Drop(position.Sequence); // before it is reported, which acknowledges it
            }
            else if (!gate.IsOpen || !delivery.TryBegin())
            {
                flow.EndPublish();
                return Attempt.GateClosed;
            }
            else if (record.Destination == Destination.Nowhere)
            {
                unwritten = SendNothing(record, reported, flow);
            }
            else if (IsRefused(record, out refusal))
            {
                flow.EndPublish();
            }
            else if (TrySend(record, reported, flow, out refusal))
            {
                return Attempt.Done;
            }
            else
            {
                flow.EndPublish();
                if (refusal is null) return gate.IsOpen ? Attempt.ClientFull : Attempt.GateClosed;
            }
        }

        if (unwritten is not null) unwritten.Reported(s_nothingWritten);
        else reported(record, refusal is null ? PublishOutcome.Dropped : PublishOutcome.Refused, refusal);
        return Attempt.Done;
    }

    // Of what goes nowhere there is no report to wait for; within a transaction its offset goes with the others.
    private PendingRecord SendNothing(OutboundRecord record, PublishReport reported, PartitionFlow flow)
    {
        gate.Sent();
        var pending = new PendingRecord(record, reported, flow, producers.Current!, delivery);
        delivery.Sent(pending);
        return pending;
    }

    /// <summary>True when the broker refused it before, or it is known to be taken by nobody.</summary>
    /// <remarks>Topics limit what is sent: of what is compressed on the way only the broker knows.</remarks>
    private bool IsRefused(OutboundRecord record, [NotNullWhen(true)] out PublishRefusal? refusal)
    {
        if (delivery.IsRefused(record, out refusal)) return true;
        var size = DeliveryErrors.SizeOf(record);
        var topic = messages.TopicOf(record);
        string found;
        if (size > _queueBytes)
            found = $"The client takes {_queueBytes} bytes (queue.buffering.max.kbytes); the message has {size}.";
        else if (!_compresses && context.Topics.MaxMessageBytesOf(topic) is { } limit && size > limit)
            found = $"Topic '{topic}' takes {limit} bytes; the message has {size}.";
        else
            return false;
        refusal = new(RejectionReason.OutputTooLarge, found);
        return true;
    }

    /// <summary>True when the client has taken the record. Else, with a refusal, it never will; without one, it can be tried again.</summary>
    private bool TrySend(OutboundRecord record, PublishReport reported, PartitionFlow flow, out PublishRefusal? refusal)
    {
        refusal = null;
        gate.Sent();
        try
        {
            var producer = producers.Current!;
            var pending = new PendingRecord(record, reported, flow, producer, delivery);
            producer.Produce(messages.TargetOf(record), OutboundMessages.MessageOf(record), pending.Reported);
            delivery.Sent(pending);
            return true;
        }
        catch (KafkaException exception)
        {
            gate.NotSent();
            switch (exception.Error.Code)
            {
                case ErrorCode.Local_QueueFull: break;
                case ErrorCode.Local_UnknownPartition: producers.NoteOutgrown(messages.TopicOf(record)); break;
                default: refusal = NotTaken(record, exception.Error); break;
            }

            return false;
        }
    }

    /// <summary>What it means that the client did not take a record; null when it is not the record's fault.</summary>
    private PublishRefusal? NotTaken(OutboundRecord record, Error error)
    {
        var topic = messages.TopicOf(record);
        context.Metrics.SendFailed(topic, error.Code.ToString());
        switch (DeliveryErrors.Classify(error))
        {
            case DeliveryFailure.Permanent: return DeliveryErrors.Refusal(record, error, topic);
            case DeliveryFailure.Unwritable: gate.Fail(DeliveryErrors.Unwritable(topic, error)); break;
            default: delivery.Trouble(error); break; // the client cannot take it now; it is tried again
        }

        return null;
    }
}
