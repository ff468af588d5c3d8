using System.Globalization;
using MtlStream.Delivery;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Topics that are deleted and made again while a worker runs, also once their leader epoch has risen: the new one begins at 0.</summary>
public sealed class RemadeTopicsOnRealKafkaTests(OwnKafka own) : OnRealKafka(Partitions, own.Kafka), IClassFixture<OwnKafka>
{
    private const int Partitions = 2;

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.ExactlyOnce, "classic", true)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, "consumer", true)]
    public Task An_input_topic_that_is_made_again_is_read_from_its_start(DeliveryGuarantee guarantee, string protocol, bool epochRises) =>
        IsReadFromItsStart(guarantee, protocol, epochRises);

    [RealKafkaTheory]
    [Trait("Category", "Faults")]
    [InlineData(DeliveryGuarantee.AtLeastOnce, "classic", true)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, "consumer", true)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, "classic", false)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, "consumer", false)]
    public Task So_is_one_in_every_other_combination(DeliveryGuarantee guarantee, string protocol, bool epochRises) =>
        IsReadFromItsStart(guarantee, protocol, epochRises);

    private async Task IsReadFromItsStart(DeliveryGuarantee guarantee, string protocol, bool epochRises)
    {
        _topics.WriteNumbers(_input, Partitions, 300);
        if (epochRises) RaiseEpochs();
        await using var worker = Worker(protocol, guarantee: guarantee).Start();
        await Wait.Until(() => worker.Acknowledged == 300 && Committed(Partitions) == 300);

        await MakeAgainAsync(_input);
        WriteNumbersAgain(300, 1000);
        await Wait.Until(() => TestLog.Newest.Contains($"Input topics {_input} were deleted and made again.", StringComparison.Ordinal));
        await Wait.Until(() => ReadNumbers().SequenceEqual(Enumerable.Range(0, 1300)) && Committed(Partitions) == 1000);
        await worker.StopAsync();

        Assert.Equal(1000, Committed(Partitions));
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task Nothing_of_an_input_topic_that_is_gone_is_committed_when_the_worker_stops(DeliveryGuarantee guarantee)
    {
        _topics.WriteNumbers(_input, Partitions, 300);
        await using var worker = Worker("classic", guarantee: guarantee).Start();
        await Wait.Until(() => worker.Acknowledged == 300 && Committed(Partitions) == 300);

        await MakeAgainAsync(_input);
        WriteNumbersAgain(300, 1000);
        await worker.StopAsync(); // at once
        await using var next = Worker("classic", guarantee: guarantee).Start();
        await Wait.Until(() => Committed(Partitions) == 1000);
        await next.StopAsync();

        Assert.Equal(Enumerable.Range(0, 1300), ReadNumbers());
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task An_output_topic_that_is_made_again_is_written_by_another_producer(DeliveryGuarantee guarantee)
    {
        RaiseEpochs();
        await using var worker = Worker("classic", guarantee: guarantee).Start();
        _topics.WriteNumbers(_input, Partitions, 300);
        await Wait.Until(() => worker.Acknowledged == 300);

        await MakeAgainAsync(_output);
        _topics.WriteNumbers(_input, Partitions, 1000, from: 300);
        await Wait.Until(() => TestLog.Newest.Contains($"Producer made anew: {_output} was deleted and made again.", StringComparison.Ordinal));
        await Wait.Until(() => Committed(Partitions) == 1300);
        await worker.StopAsync();

        Assert.Equal(Enumerable.Range(300, 1000), ReadNumbers());
    }

    /// <summary>A broker that comes back is elected anew: what it leads has another epoch then.</summary>
    private void RaiseEpochs()
    {
        for (var i = 0; i < 2; i++)
        {
            _kafka.Command("stop");
            _kafka.Command("restart", "1");
        }
    }

    private async Task MakeAgainAsync(string topic)
    {
        await _topics.DeleteAsync(topic);
        await Wait.Until(() => TryCreate(topic)); // what is deleted takes a moment to be gone
    }

    private bool TryCreate(string topic)
    {
        try
        {
            _topics.Create([topic], Partitions);
            return true;
        }
        catch (Confluent.Kafka.Admin.CreateTopicsException)
        {
            return false;
        }
    }

    // By another client: one that knew the old topic would not get on with the new one.
    private void WriteNumbersAgain(int from, int count)
    {
        using var topics = new Topics(_kafka.BootstrapServers);
        topics.WriteNumbers(_input, Partitions, count, from);
    }

    private IEnumerable<int> ReadNumbers() =>
        _topics.ReadAll(_output).Select(r => int.Parse(Topics.Text(r.Message.Value), CultureInfo.InvariantCulture)).Distinct().Order();
}
