using MtlStream.Delivery;

namespace MtlStream.Tests.Kafka;

public sealed class IntakeTests
{
    private const int MostPerChunk = 128;

    [Fact]
    public void Reading_ends_at_the_limit_and_goes_on_when_something_is_acknowledged()
    {
        using var harness = Start(new() { MaxInFlightEvents = 100 }, events: 1000);

        harness.Round(5);
        Assert.InRange(harness.Received, 100, 100 + MostPerChunk);
        var read = harness.Received;
        Acknowledge(harness, read);

        harness.Round(5);
        Assert.True(harness.Received > 0);
        Assert.Equal(0, harness.Consumer.Pauses); // a wait that is short costs no pause
    }

    [Fact]
    public void A_wait_that_lasts_pauses_the_consumer_once_and_half_of_the_room_resumes_it()
    {
        using var harness = Start(new() { MaxInFlightEvents = 200 }, events: 10_000);
        harness.Round(5);

        harness.Time.Pass(TimeSpan.FromSeconds(1));
        harness.Round(5);
        Assert.True(harness.Session.Intake.Paused);
        Assert.Equal(1, harness.Consumer.Pauses);
        var read = harness.Consumer.Events;

        Acknowledge(harness, 50);
        harness.Round(5);
        Assert.Equal(read, harness.Consumer.Events); // more than half is still in flight

        Acknowledge(harness, 200);
        harness.Round(5);
        Assert.False(harness.Session.Intake.Paused);
        Assert.True(harness.Consumer.Events > read);
    }

    [Fact]
    public void Partitions_that_come_during_a_pause_are_paused_too()
    {
        using var harness = Start(new() { MaxInFlightEvents = 100 }, events: 1000);
        harness.Round(5);
        harness.Time.Pass(TimeSpan.FromSeconds(1));
        harness.Round();
        var read = harness.Consumer.Events;
        harness.Cluster.Write(2, 100);

        harness.Assign(2);
        harness.Round(3);

        Assert.InRange(harness.Consumer.Events, read, read + 1); // the one that was there before it could be paused
    }

    [Fact]
    public void An_event_above_the_limit_is_read_all_by_itself()
    {
        const int Size = 3 << 20;
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, with: o => o with { MaxInFlightBytes = 1 << 20 });
        harness.Consumer.PayloadBytes = Size;
        harness.Cluster.Write(0, 3);
        harness.Assign(0);

        harness.Round(3);
        Assert.Equal((1, Size), (harness.Session.InFlightEvents, harness.Session.InFlightBytes));
        Acknowledge(harness, 1);
        harness.Round(3);
        Assert.Equal(Size, harness.Session.InFlightBytes);
    }

    [Fact]
    public void What_is_in_flight_is_over_the_limit_by_one_event_at_most()
    {
        const int Size = 1 << 20, Most = 16 * Size;
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, with: o => o with { MaxInFlightBytes = Most });
        harness.Consumer.PayloadBytes = Size;
        harness.Cluster.Write(0, 200);
        harness.Assign(0);

        harness.Round(5);

        Assert.InRange(harness.Session.InFlightBytes, Most - Size, Most + Size);
    }

    private static SessionHarness Start(MtlStream.Kafka.KafkaOptions limits, int events)
    {
        var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, with: o => o with { MaxInFlightEvents = limits.MaxInFlightEvents });
        harness.Cluster.Write(0, events);
        harness.Cluster.Write(1, events);
        harness.Assign(0, 1);
        return harness;
    }

    private static void Acknowledge(SessionHarness harness, int events)
    {
        harness.Publish(events);
        harness.Producer!.Report(events);
    }
}
