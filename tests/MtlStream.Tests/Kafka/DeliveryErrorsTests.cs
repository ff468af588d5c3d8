using Confluent.Kafka;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Kafka;

public sealed class DeliveryErrorsTests
{
    [Theory]
    [InlineData(ErrorCode.MsgSizeTooLarge, RejectionReason.OutputTooLarge)]
    [InlineData(ErrorCode.RecordListTooLarge, RejectionReason.OutputTooLarge)]
    [InlineData(ErrorCode.InvalidMsgSize, RejectionReason.OutputTooLarge)]
    [InlineData(ErrorCode.InvalidTimestamp, RejectionReason.OutputRefused)]
    [InlineData(ErrorCode.InvalidRecord, RejectionReason.OutputRefused)]
    [InlineData(ErrorCode.PolicyViolation, RejectionReason.OutputRefused)]
    public void What_is_refused_for_good_says_whether_its_size_is_to_blame(ErrorCode code, RejectionReason reason)
    {
        var error = new Error(code);

        Assert.Equal(DeliveryFailure.Permanent, DeliveryErrors.Classify(error));
        Assert.Equal(reason, DeliveryErrors.Refusal(Make.Outbound(Make.Record(0)), error, "out").Reason);
    }

    [Fact]
    public void A_record_without_a_key_that_is_invalid_says_so()
    {
        var (without, with) = (Make.Record(0), Make.Record(0) with { Key = [1] });
        var error = new Error(ErrorCode.InvalidRecord);

        Assert.Contains("no key", DeliveryErrors.Refusal(Make.Outbound(without), error, "out").Message, StringComparison.Ordinal);
        Assert.DoesNotContain("no key", DeliveryErrors.Refusal(Make.Outbound(with), error, "out").Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ErrorCode.UnsupportedCompressionType)]
    [InlineData(ErrorCode.UnsupportedForMessageFormat)]
    [InlineData(ErrorCode.InvalidRequiredAcks)]
    [InlineData(ErrorCode.TopicAuthorizationFailed)]
    public void What_no_message_can_help_ends_the_run(ErrorCode code) =>
        Assert.Equal(DeliveryFailure.Unwritable, DeliveryErrors.Classify(new(code)));

    [Theory]
    [InlineData(ErrorCode.Unknown)]
    [InlineData(ErrorCode.KafkaStorageError)]
    [InlineData(ErrorCode.Local_MsgTimedOut)]
    public void What_may_pass_is_tried_again(ErrorCode code) =>
        Assert.Equal(DeliveryFailure.Retriable, DeliveryErrors.Classify(new(code)));
}
