using System.Text;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>A verifier that finds nothing proves nothing: it must see each kind of damage.</summary>
public sealed class NumberedEventsTests : IDisposable
{
    private const int Partitions = 4;
    private const int Count = 2000;

    private readonly MockCluster _cluster = new();
    private readonly Topics _topics;

    public NumberedEventsTests()
    {
        _topics = new(_cluster.BootstrapServers);
        foreach (var topic in new[] { "output", "letters" }) _cluster.CreateTopic(topic, Partitions);
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    [Fact]
    public void Every_event_once_in_order_is_what_it_wants()
    {
        Write(Enumerable.Range(0, Count));

        Assert.Equal((0, 0, 0, 0), Verify());
    }

    [Fact]
    public void Lost_events_are_seen()
    {
        Write(Enumerable.Range(0, Count).Where(n => n is not 7 and not 396)); // a result and a dead letter

        Assert.Equal((2, 0, 0, 0), Verify());
    }

    [Fact]
    public void Events_that_come_twice_are_seen_and_are_not_out_of_order()
    {
        Write([.. Enumerable.Range(0, Count), 8, 12, 396]);

        Assert.Equal((0, 3, 0, 0), Verify());
    }

    [Fact]
    public void Events_that_come_too_late_are_seen()
    {
        Write([.. Enumerable.Range(0, Count).Where(n => n != 100), 100]);

        Assert.Equal((0, 0, 0, 1), Verify());
    }

    [Theory]
    [InlineData("{\"id\":5,\"sum\":\"0000000000000000\",\"text\":\"other\",\"analysis\":{}}")]
    [InlineData("{\"id\":999999}")]
    [InlineData("garbage")]
    public void Altered_events_are_seen(string instead)
    {
        Write(Enumerable.Range(0, Count).Where(n => n != 5));
        _topics.Write(new("output", 1), new() { Value = Encoding.UTF8.GetBytes(instead) });
        _topics.Flush();

        Assert.Equal((1, 0, 1, 0), Verify());
    }

    [Fact]
    public void A_dead_letter_that_should_have_been_a_result_is_altered()
    {
        Write(Enumerable.Range(0, Count).Where(n => n != 5));
        _topics.Write(new("letters", 1), new() { Value = NumberedEvents.Payload(5) });
        _topics.Flush();

        Assert.Equal((1, 0, 1, 0), Verify());
    }

    private (int Lost, int Duplicated, int Altered, int Reordered) Verify()
    {
        var account = NumberedEvents.Verify(_cluster.BootstrapServers, "output", "letters", Count);
        return (account.Lost, account.Duplicated, account.Altered, account.Reordered);
    }

    private void Write(IEnumerable<int> numbers)
    {
        foreach (var number in numbers)
        {
            var payload = NumberedEvents.Payload(number);
            var poison = NumberedEvents.IsPoison(number);
            _topics.Write(
                new(poison ? "letters" : "output", number % Partitions),
                new() { Value = poison ? payload : [.. payload.AsSpan(0, payload.Length - 1), .. ",\"analysis\":{}}"u8] });
        }

        _topics.Flush();
    }
}
