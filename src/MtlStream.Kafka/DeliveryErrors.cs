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
            or ErrorCode.InvalidTimestamp or ErrorCode.PolicyViolation or ErrorCode.Local_InvalidDifferentRecord => DeliveryFailure.Permanent,
        // None of these passes by itself: the topic, the rights or the settings have to change.
        ErrorCode.UnsupportedCompressionType or ErrorCode.UnsupportedForMessageFormat or ErrorCode.UnsupportedVersion
            or ErrorCode.InvalidRequiredAcks or ErrorCode.InvalidConfig or ErrorCode.InvalidRequest or ErrorCode.SecurityDisabled
            or ErrorCode.Local_UnsupportedFeature or ErrorCode.Local_NotImplemented => DeliveryFailure.Unwritable,
        ErrorCode.TopicAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed or ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic
            or ErrorCode.TopicException or ErrorCode.TransactionalIdAuthorizationFailed => DeliveryFailure.Unwritable,
        _ => DeliveryFailure.Retriable,
    };

    /// <summary>True when the broker takes batches of that size as little as messages.</summary>
    public static bool IsTooLarge(ErrorCode code) => code is ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge or ErrorCode.InvalidMsgSize;

    /// <summary>True when another producer took over, or this one's transaction ran out of time.</summary>
    public static bool IsFenced(Error error) => error.Code is
        ErrorCode.Local_Fenced or ErrorCode.ProducerFenced or ErrorCode.InvalidProducerEpoch or ErrorCode.TransactionCoordinatorFenced;

    public static PublishRefusal Refusal(OutboundRecord record, Error error, string topic)
    {
        if (IsTooLarge(error.Code))
            return new(RejectionReason.OutputTooLarge, $"Topic '{topic}' refused a message of {SizeOf(record)} bytes: {error.Reason}.");
        var hint = error.Code == ErrorCode.InvalidRecord && record.Key is null ? " The message has no key, which a compacted topic asks for." : "";
        return new(RejectionReason.OutputRefused, $"Topic '{topic}' refused a message: {error.Reason}.{hint}");
    }

    /// <summary>Why the run ends when reading again does not help.</summary>
    public static string InVain(string what, string reason) =>
        $"Results could not be written {Backoff.MostRounds} times in a row, {what}: {reason}. What was in flight is delivered again.";

    /// <summary>Why the run ends when a delivery report could not be dealt with.</summary>
    public static string Broken(Exception exception) =>
        $"A delivery report could not be dealt with: {exception.Message} What was in flight is delivered again.";

    /// <summary>Why the run ends when a topic takes nothing.</summary>
    public static string Unwritable(string topic, Error error) => $"Topic '{topic}' cannot be written: {error.Reason}.";

    /// <summary>Bytes of payload, key and headers; on the wire it is a little more.</summary>
    public static long SizeOf(OutboundRecord record)
    {
        var size = (long)(record.Payload?.Length ?? 0) + (record.Key?.Length ?? 0);
        for (var i = 0; i < record.Headers.Count; i++) size += record.Headers[i].Key.Length + (record.Headers[i].Value?.Length ?? 0);
        return size;
    }
}
