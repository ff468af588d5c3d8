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
}
