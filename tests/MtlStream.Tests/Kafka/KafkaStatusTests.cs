using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class KafkaStatusTests
{
    [Fact]
    public void Ready_takes_a_connection_every_topic_and_an_assignment_or_a_place_in_the_group()
    {
        var status = new KafkaStatus();
        Assert.Equal("not connected yet", status.NotReadyBecause);

        status.SetConnected();
        Assert.Equal("joining the consumer group", status.NotReadyBecause);
        status.SetMissingTopics(["a", "b"]);
        Assert.Equal("missing topics: a, b", status.NotReadyBecause);
        status.SetMissingTopics([]);
        status.SetGroup(member: true, assigned: 0);

        Assert.True(status.Ready); // idle: more workers than partitions
        status.SetGroup(member: false, assigned: 0);
        Assert.False(status.Ready);
        status.SetGroup(member: true, assigned: 3);
        status.SetDisconnected("all brokers are down");
        Assert.Equal((false, "all brokers are down"), (status.Ready, status.NotReadyBecause));
    }

    [Fact]
    public void A_client_that_moves_is_not_stalled_and_neither_is_one_that_does_not_run()
    {
        var (status, time) = (new KafkaStatus(), TimeProvider.System);
        Assert.Equal(TimeSpan.Zero, status.StalledFor(time));

        status.SetMoved(time.GetTimestamp() - (180 * time.TimestampFrequency));
        Assert.InRange(status.StalledFor(time), TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(60));
        status.SetMoved(time.GetTimestamp());
        Assert.InRange(status.StalledFor(time), TimeSpan.Zero, TimeSpan.FromMinutes(2));
        status.SetMoved(0);
        Assert.Equal(TimeSpan.Zero, status.StalledFor(time));
    }
}
