using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Tests.Diagnostics;

namespace MtlStream.Tests.Kafka;

/// <summary>What a session does about one thing that befalls it; <see cref="SessionProperties"/> has them come in any order.</summary>
public sealed class KafkaSessionTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void What_is_durable_is_committed_and_acknowledged_once(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);

        harness.Publish();
        harness.Settle();

        Assert.Equal((10, 10L), (harness.Durable, harness.Cluster.CommittedOf(0)));
        Assert.Equal(0, harness.Session.InFlightEvents);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void What_goes_nowhere_is_committed_in_its_turn_and_nothing_is_written_of_it(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);

        harness.Publish(4);
        Assert.Equal(6, harness.DropAll());
        if (guarantee == DeliveryGuarantee.AtLeastOnce) Assert.Equal(0, harness.Cluster.CommittedOf(0)); // what is before it is not durable yet
        harness.Settle();

        Assert.Equal((10, 10L), (harness.Durable, harness.Cluster.CommittedOf(0)));
        Assert.Equal(0, harness.Session.InFlightEvents);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void An_error_that_stays_is_tried_less_and_less_often_and_ends_the_run(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);
        var seeksAfter3Seconds = 0;

        var failure = Assert.Throws<IOException>(() =>
        {
            for (var elapsed = TimeSpan.Zero; elapsed < TimeSpan.FromMinutes(5); elapsed += TimeSpan.FromMilliseconds(20))
            {
                harness.Publish();
                harness.Producer!.Report(1, ErrorCode.Unknown);
                harness.Round();
                harness.Time.Pass(TimeSpan.FromMilliseconds(20));
                if (elapsed < TimeSpan.FromSeconds(3)) seeksAfter3Seconds = harness.Consumer.Seeks;
            }
        });

        Assert.InRange(seeksAfter3Seconds, 2, 10);
        Assert.InRange(harness.Consumer.Seeks, Backoff.MostRounds - 2, Backoff.MostRounds);
        Assert.Contains($"{Backoff.MostRounds} times in a row", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, harness.Cluster.CommittedOf(0));
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void Brokers_that_do_not_answer_are_waited_for_without_end(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);
        for (var i = 0; i < 3 * Backoff.MostRounds; i++)
        {
            harness.Publish();
            harness.Producer!.Report(1, ErrorCode.Local_MsgTimedOut);
            harness.Settle();
        }

        harness.Publish();
        harness.Settle();
        Assert.Equal(10, harness.Cluster.CommittedOf(0));
    }

    [Fact]
    public void Progress_between_two_failures_makes_the_next_try_come_at_once()
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.AtLeastOnce, events: 200);

        for (var event_ = 0; event_ < 100; event_++)
        {
            harness.Publish(2);
            harness.Producer!.Report(1);
            harness.Producer!.Report(1, ErrorCode.Unknown);
            harness.Publish(); // the rest is dropped
            harness.Round(2); // no time passes but that of reading
        }

        Assert.Equal(100, harness.Consumer.Seeks);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void A_report_that_cannot_be_dealt_with_ends_the_run(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 3);
        harness.Reporting = (record, _, _) =>
        {
            if (record.Source.Position.Offset == 1) throw new InvalidOperationException("acknowledged twice.");
        };
        harness.Publish();
        if (guarantee == DeliveryGuarantee.AtLeastOnce) harness.Producer!.Report(3); // nothing is thrown into the client

        var failure = Assert.ThrowsAny<Exception>(() => harness.Settle());

        Assert.Contains("acknowledged twice.", failure.Message, StringComparison.Ordinal);
        if (guarantee == DeliveryGuarantee.AtLeastOnce) Assert.All(harness.Context.Table.Current, f => Assert.True(f.NothingPublishing));
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce, ErrorCode.TopicAuthorizationFailed)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, ErrorCode.Unknown)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, ErrorCode.MsgSizeTooLarge)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, ErrorCode.TopicAuthorizationFailed)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, ErrorCode.Unknown)]
    public void A_review_topic_that_fails_costs_copies_and_nothing_else(DeliveryGuarantee guarantee, ErrorCode error)
    {
        using var recorder = new MeterRecorder();
        using var harness = SessionHarness.Start(guarantee, events: 5, recorder);
        var outcomes = new List<PublishOutcome>();
        for (var i = 0; i < 5; i++)
        {
            harness.PublishReview((_, outcome, _) => outcomes.Add(outcome));
            harness.Publish(1);
        }

        harness.Cluster.ReviewProducer!.Report(4, error);
        harness.Producer!.Report(5);
        harness.Settle();
        harness.Cluster.ReviewProducer.Report(1);

        Assert.Equal([.. Enumerable.Repeat(PublishOutcome.Dropped, 4), PublishOutcome.Durable], outcomes);
        Assert.Equal((5L, 0), (harness.Cluster.CommittedOf(0), harness.Consumer.Seeks));
        Assert.Equal(4, recorder.Of("messaging.client.sent.messages").Count(t => Equals(t.Tags.GetValueOrDefault("error.type"), error.ToString())));
    }

    [Fact]
    public async Task Copies_for_review_that_never_arrive_hold_up_no_flush()
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.AtLeastOnce, events: 1);
        harness.PublishReview((_, _, _) => { });
        harness.Publish();
        harness.Producer!.Report(1);

        var flushed = harness.Session.FlushAsync(CancellationToken.None);
        harness.Time.Pass(TimeSpan.FromSeconds(2));

        await flushed.WaitAsync(s_deadline);
        Assert.Equal(1, harness.Cluster.ReviewProducer!.Pending);
    }

    [Fact]
    public void Copies_for_review_are_in_no_transaction()
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.ExactlyOnce, events: 1);

        harness.PublishReview((_, _, _) => { });

        Assert.False(harness.Cluster.ReviewProducer!.IsTransactional);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_second_failure_while_closing_hides_the_first_from_nobody(DeliveryGuarantee guarantee)
    {
        var harness = new SessionHarness(guarantee);
        var session = harness.Session;
        harness.Status.SetConnected();
        var receiving = session.ReceiveAsync(harness.Channel, CancellationToken.None);
        await Wait(() => harness.Cluster.Consumers == 2); // the thread's own
        var consumer = harness.Consumer;
        consumer.ClosingFails = new InvalidOperationException("what a rebalance has thrown");

        session.Fail("the first");

        var failure = await Assert.ThrowsAsync<IOException>(() => receiving.WaitAsync(s_deadline));
        Assert.Equal("the first", failure.Message);
        await session.DisposeAsync().AsTask().WaitAsync(s_deadline);
        Assert.True(consumer.Disposed);
        Assert.True(harness.Producer is null or { Disposed: true });
    }

    [Theory]
    [InlineData(ErrorCode.MsgSizeTooLarge, RejectionReason.OutputTooLarge)]
    [InlineData(ErrorCode.InvalidRecord, RejectionReason.OutputRefused)]
    [InlineData(ErrorCode.InvalidTimestamp, RejectionReason.OutputRefused)]
    public void A_message_that_was_sent_alone_and_refused_becomes_a_dead_letter_for_the_true_reason(ErrorCode error, RejectionReason reason)
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.AtLeastOnce, events: 3);
        harness.Publish(1);
        harness.Producer!.Report(1, error); // in a batch, for all that is known
        harness.Settle();
        Assert.Empty(harness.Refusals);

        harness.Publish();
        harness.Producer!.Report(1, error);
        harness.Publish();
        harness.Settle();

        Assert.Equal(reason, Assert.Single(harness.Refusals).Reason);
        Assert.Equal(3, harness.Cluster.CommittedOf(0));
        Assert.Single(harness.Cluster.Visible, v => v.Topic == FakeCluster.Letters);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void An_event_that_no_topic_takes_is_answered_by_a_letter_without_it_and_stops_nothing(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 3, producer: "batch.num.messages=1", payloadBytes: 5000);
        harness.Cluster.Large = m => m.Value?[2] == '1' || m.Value is [0x1F, 0x8B, ..]; // the event at offset 1, its letter, and that as gzip
        for (var i = 0; i < 10; i++)
        {
            harness.Publish();
            harness.Settle();
        }

        Assert.Equal([LetterForm.Whole, LetterForm.Whole, LetterForm.Packed], harness.Refused.DistinctBy(r => (r.Destination, r.Form)).Select(r => r.Form));
        Assert.Equal(3, harness.Cluster.CommittedOf(0));
        Assert.Equal([(FakeCluster.Results, 0), (FakeCluster.Letters, 1), (FakeCluster.Results, 2)], harness.Cluster.Visible.Select(v => (v.Topic, (int)v.Offset)).OrderBy(v => v.Item2));
    }

    [Fact]
    public void What_the_clients_queue_has_no_room_for_is_refused_and_not_waited_for()
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.AtLeastOnce, events: 1, producer: "queue.buffering.max.kbytes=4", payloadBytes: 5000);
        harness.Publish();
        harness.Settle();

        Assert.Contains("queue.buffering.max.kbytes", harness.Refusals[0].Message, StringComparison.Ordinal);
        Assert.Equal(1, harness.Cluster.CommittedOf(0));
    }

    private static async Task Wait(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(s_deadline);
        while (!condition()) await Task.Delay(5, deadline.Token);
    }
}
