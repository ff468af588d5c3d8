using MtlStream.Delivery;

namespace MtlStream.Tests.Kafka;

/// <summary>Topics that are deleted and made again under a worker that reads or writes them.</summary>
public sealed class RemadeTopicsTests
{
    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void An_input_topic_that_is_made_again_is_read_from_its_start_by_another_consumer(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);
        harness.Publish();
        harness.Settle();
        Assert.Equal(10, harness.Cluster.CommittedOf(0));

        harness.Cluster.MakeAgain(FakeCluster.Input);
        harness.Cluster.Write(0, 30);
        harness.Round();
        Assert.Equal(2, harness.Cluster.Consumers);
        harness.Assign(0);
        harness.Round(3);
        harness.Publish();
        harness.Settle();

        Assert.Equal(30, harness.Cluster.CommittedOf(0));
        Assert.Equal(Enumerable.Range(0, 30), harness.Cluster.Visible.Select(v => (int)v.Offset));
        Assert.Equal(0, harness.Session.InFlightEvents);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void How_far_the_old_topic_was_read_is_not_left_with_the_group(DeliveryGuarantee guarantee)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);
        harness.Topics.OldId = harness.Cluster.IdOf(FakeCluster.Input);
        harness.Publish();
        harness.Cluster.MakeAgain(FakeCluster.Input);
        harness.Cluster.Write(0, 30);
        harness.Settle();
        Assert.Equal(10, harness.Cluster.CommittedOf(0)); // nobody has noticed yet

        harness.Topics.OldId = null;
        harness.Round();

        Assert.Equal(0, harness.Cluster.CommittedOf(0));
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce, false)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, false)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, true)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, true)]
    public void What_is_committed_last_is_never_of_the_old_topic(DeliveryGuarantee guarantee, bool revoked)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);
        harness.Topics.OldId = harness.Cluster.IdOf(FakeCluster.Input); // until the brokers are looked at once more
        harness.Publish();
        harness.Producer!.Report(guarantee == DeliveryGuarantee.AtLeastOnce ? 10 : 0);
        harness.Cluster.MakeAgain(FakeCluster.Input);
        harness.Cluster.Write(0, 30);

        if (revoked) harness.Consumer.Revoke([0]);
        else harness.Session.Close();

        Assert.Equal(0, harness.Cluster.CommittedOf(0));
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce, FakeCluster.Results)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, FakeCluster.Results)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, FakeCluster.Letters)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, FakeCluster.Letters)]
    public void A_topic_that_is_written_and_made_again_gets_another_producer_and_loses_nothing(DeliveryGuarantee guarantee, string topic)
    {
        using var harness = SessionHarness.Start(guarantee, events: 10);
        harness.Publish(4);
        harness.Producer!.Report(2);

        harness.Cluster.MakeAgain(topic);
        harness.Settle();
        harness.Publish();
        harness.Settle();
        harness.Publish();
        harness.Settle();

        Assert.Equal(2, harness.Cluster.Producers);
        Assert.Equal(10, harness.Cluster.CommittedOf(0));
        Assert.Equal(Enumerable.Range(0, 10), harness.Cluster.Visible.Select(v => (int)v.Offset).Distinct());
        Assert.Equal(0, harness.Session.InFlightEvents);
    }

    [Fact]
    public void A_topic_for_review_that_is_made_again_gets_another_producer_and_holds_up_nothing()
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.AtLeastOnce, events: 5);
        harness.PublishReview((_, _, _) => { });
        var before = harness.Cluster.ReviewProducer;

        harness.Cluster.MakeAgain(FakeCluster.Review);
        harness.Round();
        harness.PublishReview((_, _, _) => { });
        harness.Cluster.ReviewProducer!.Report(1);

        Assert.NotSame(before, harness.Cluster.ReviewProducer);
        Assert.True(before!.Disposed);
        Assert.Equal(1, harness.Cluster.Producers);
        Assert.Contains(harness.Cluster.Visible, v => v.Topic == FakeCluster.Review);
    }
}
