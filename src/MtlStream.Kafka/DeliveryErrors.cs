using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>What a failed delivery means.</summary>
internal enum DeliveryFailure
{
    /// <summary>The client gave up retrying; the event is read again.</summary>
    Retriable,

    /// <summary>This message, or another one of its batch, can never be written; others can.</summary>
    Permanent,

    /// <summary>Nothing can be written to the topic; the run ends.</summary>
    Unwritable,
}

/// <summary>Tells the client's and the brokers' errors apart. Codes: https://kafka.apache.org/protocol#protocol_error_codes</summary>
internal static class DeliveryErrors
{
    public static DeliveryFailure Classify(Error error) => error.Code switch
    {
        ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge or ErrorCode.InvalidMsgSize or ErrorCode.InvalidRecord
            or ErrorCode.InvalidTimestamp or ErrorCode.Local_InvalidDifferentRecord => DeliveryFailure.Permanent,
        ErrorCode.TopicAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed or ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic
            or ErrorCode.TopicException or ErrorCode.TransactionalIdAuthorizationFailed => DeliveryFailure.Unwritable,
        _ => DeliveryFailure.Retriable,
    };

    /// <summary>True when the broker takes batches of that size as little as messages.</summary>
    public static bool IsTooLarge(ErrorCode code) => code is ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge or ErrorCode.InvalidMsgSize;

    /// <summary>True when another producer took over, or this one's transaction ran out of time.</summary>
    public static bool IsFenced(Error error) => error.Code is
        ErrorCode.Local_Fenced or ErrorCode.ProducerFenced or ErrorCode.InvalidProducerEpoch or ErrorCode.TransactionCoordinatorFenced;

    public static PublishRefusal Refusal(OutboundRecord record, Error error, string topic) =>
        new(RejectionReason.OutputTooLarge, $"Topic '{topic}' refused a message of {SizeOf(record)} bytes: {error.Reason}.");

    /// <summary>Bytes of payload, key and headers; on the wire it is a little more.</summary>
    public static int SizeOf(OutboundRecord record) =>
        (record.Payload?.Length ?? 0) + (record.Source.Key?.Length ?? 0) + record.Headers.Sum(h => h.Key.Length + (h.Value?.Length ?? 0));
}
