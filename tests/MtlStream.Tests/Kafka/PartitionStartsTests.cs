using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Kafka;
using MtlStream.Tests.Diagnostics;

namespace MtlStream.Tests.Kafka;

/// <summary>Where partitions begin, and what is said of events that are gone by then.</summary>
public sealed class PartitionStartsTests
{
    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void A_partition_that_was_never_read_has_its_beginning_committed(DeliveryGuarantee guarantee)
    {
        using var harness = new SessionHarness(guarantee);
        harness.Consumer.FirstOffset = 7;

        harness.Assign(0);
        harness.Round();

        Assert.True(harness.Cluster.HasCommitted(0));
        Assert.Equal(7, harness.Cluster.CommittedOf(0));
    }

    [Fact]
    public void Latest_begins_a_group_at_the_end_and_later_members_where_that_was()
    {
        using var harness = Latest();
        harness.Cluster.Write(0, 50);
        harness.Assign(0);
        harness.Round(3);
        Assert.Equal(0, harness.Received);
        Assert.False(harness.Cluster.HasCommitted(0)); // others that join with it are not to see it

        harness.Time.Pass(TimeSpan.FromSeconds(6));
        harness.Round();
        Assert.Equal(50, harness.Cluster.CommittedOf(0));

        harness.Cluster.Write(0, 10); // and the worker ends without having read them
        using var next = Latest(harness.Cluster, harness.Time);
        next.Assign(0);
        next.Round(3);
        Assert.Equal(10, next.Received);
    }

    [Fact]
    public void A_beginning_is_never_committed_over_what_was_read_since()
    {
        using var harness = Latest();
        harness.Assign(0);
        harness.Cluster.Write(0, 10);
        harness.Round(3);
        harness.Publish();
        harness.Producer!.Report(5);
        harness.Producer.Report(1, ErrorCode.Local_MsgTimedOut); // the rest is read again
        harness.Producer.Report(4);
        harness.Round(3);
        harness.Consumer.CommitStored();
        Assert.Equal(5, harness.Cluster.CommittedOf(0));

        harness.Time.Pass(TimeSpan.FromSeconds(6));
        harness.Round();

        Assert.Equal(5, harness.Cluster.CommittedOf(0));
    }

    [Fact]
    public void Latest_hands_the_beginning_to_the_next_owner()
    {
        using var harness = Latest();
        harness.Cluster.Write(0, 50);
        harness.Assign(0);

        harness.Consumer.Revoke([0]);

        Assert.Equal(50, harness.Cluster.CommittedOf(0));
    }

    [Fact]
    public void A_partition_that_was_added_is_read_from_its_beginning_although_it_says_latest()
    {
        using var harness = Latest();
        harness.Cluster.Commit(0, 0);
        harness.Cluster.Write(2, 20);

        harness.Assign(2);
        harness.Round(3);

        Assert.Equal(20, harness.Received);
    }

    [Fact]
    public void A_topic_that_was_made_again_is_read_from_its_beginning_although_it_says_latest()
    {
        using var harness = Latest();
        harness.Cluster.MakeAgain(FakeCluster.Input);
        harness.Round();
        harness.Cluster.Write(0, 20);

        harness.Assign(0);
        harness.Round(3);

        Assert.Equal(20, harness.Received);
    }

    [Theory]
    [InlineData(ErrorCode.Local_UnknownPartition)] // which the client has not heard of yet
    [InlineData(ErrorCode.Local_TimedOut)]
    public void A_partition_that_was_added_is_read_from_its_beginning_whatever_the_brokers_answer(ErrorCode error)
    {
        using var harness = Latest();
        harness.Cluster.Commit(0, 0);
        harness.Cluster.Write(2, 20);
        harness.Consumer.EndsFail.Enqueue(new(error));

        harness.Assign(2);
        harness.Round(3);

        Assert.Equal(20, harness.Received);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public void A_group_that_does_not_answer_leaves_the_beginning_to_the_client(DeliveryGuarantee guarantee)
    {
        using var harness = new SessionHarness(guarantee);
        harness.Cluster.Write(0, 20);
        harness.Consumer.AskingFails.Enqueue(new(ErrorCode.Local_TimedOut));

        harness.Assign(0);
        harness.Round(3);

        Assert.Equal(20, harness.Received);
    }

    [Fact]
    public void Events_that_were_deleted_before_they_were_read_are_counted()
    {
        using var recorder = new MeterRecorder();
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, meters: recorder);
        harness.Cluster.Write(0, 100);
        harness.Cluster.Commit(0, 10);
        harness.Consumer.FirstOffset = 30;

        harness.Assign(0); // while nobody read
        harness.Round(3);
        harness.Cluster.Write(0, 100);
        harness.Consumer.FirstOffset = 150;
        harness.Round(3); // and while it runs

        Assert.Equal(20 + 50, Gone(recorder));
    }

    [Fact]
    public async Task Events_that_were_deleted_are_counted_although_none_comes_behind_them()
    {
        using var recorder = new MeterRecorder();
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, meters: recorder);
        harness.Cluster.Write(0, 10);
        harness.Cluster.Commit(0, 10);
        harness.Assign(0);
        harness.Cluster.Write(0, 90);
        harness.Consumer.FirstOffset = 100;

        var reader = new LagReader(harness.Context, new(harness.Context));
        await reader.NoteStatistics("""{"topics":{"in":{"partitions":{"0":{"fetchq_cnt":0,"next_offset":100}}}}}""");
        reader.Observe(harness.Consumer);
        reader.Observe(harness.Consumer);

        Assert.Equal(90, Gone(recorder));
    }

    [Fact]
    public void Gaps_that_compaction_leaves_are_no_loss()
    {
        using var recorder = new MeterRecorder();
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, meters: recorder);
        harness.Cluster.Write(0, 100);
        harness.Assign(0);
        var flow = Assert.Single(harness.Context.Table.Current);
        flow.Next = 0;

        new GoneEvents(harness.Context).Look(flow, 50, harness.Consumer);

        Assert.Equal(0, Gone(recorder));
    }

    private static long Gone(MeterRecorder recorder) => recorder.Of("mtlstream.kafka.events.gone").Sum(m => (long)m.Value);

    private static SessionHarness Latest(FakeCluster? cluster = null, ManualTime? time = null) => new(
        DeliveryGuarantee.AtLeastOnce, cluster, time: time,
        with: o => o with { Consumer = new Dictionary<string, string> { ["auto.offset.reset"] = "latest" } });
}
