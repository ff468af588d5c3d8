using Microsoft.Extensions.Time.Testing;
using MtlStream.Delivery;
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
        Assert.Equal("topics are missing or may not be seen; the log says more", status.NotReadyBecause);
        status.SetMissingTopics([]);
        status.SetGroup(member: true, assigned: 0);

        Assert.True(status.Ready); // idle: more workers than partitions
        status.SetGroup(member: false, assigned: 0);
        Assert.False(status.Ready);
        status.SetGroup(member: true, assigned: 3);
        status.SetDisconnected();
        Assert.Equal((false, "the brokers cannot be reached; the log says more"), (status.Ready, status.NotReadyBecause));
    }

    [Fact]
    public void A_client_that_moves_is_not_lost_and_neither_is_one_that_does_not_run_or_may_wait_for_a_long_transaction()
    {
        var (status, time) = (new KafkaStatus(), new FakeTimeProvider());
        var usual = Configuration(transactionTimeout: "15000");
        Assert.Null(status.LostFor(time, usual));

        status.SetMoved(time.GetTimestamp());
        time.Advance(TimeSpan.FromMinutes(7));
        Assert.Equal(TimeSpan.FromMinutes(7), status.LostFor(time, usual));
        Assert.Null(status.LostFor(time, Configuration(transactionTimeout: "900000")));
        status.SetMoved(time.GetTimestamp());
        Assert.Null(status.LostFor(time, usual));
        status.SetMoved(0);
        Assert.Null(status.LostFor(time, usual));
    }

    private static KafkaConfiguration Configuration(string transactionTimeout) => new(
        new()
        {
            BootstrapServers = "localhost:9092",
            Consumer = new Dictionary<string, string> { ["session.timeout.ms"] = "1800000", ["max.poll.interval.ms"] = "3600000" },
            Producer = new Dictionary<string, string> { ["transaction.timeout.ms"] = transactionTimeout },
        },
        new() { Guarantee = DeliveryGuarantee.ExactlyOnce });
}
