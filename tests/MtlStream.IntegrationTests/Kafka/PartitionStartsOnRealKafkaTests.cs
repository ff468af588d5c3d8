using MtlStream.Delivery;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Where a worker begins to read, and what it says of events that are gone by then.</summary>
public sealed class PartitionStartsOnRealKafkaTests : OnRealKafka
{
    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce, "classic")]
    [InlineData(DeliveryGuarantee.ExactlyOnce, "consumer")]
    public async Task Events_that_were_deleted_before_they_were_read_are_told(DeliveryGuarantee guarantee, string protocol)
    {
        _topics.Create([_input, _output, _letters], partitions: 1);
        _topics.WriteNumbers(_input, 1, 300);
        await using (var before = Worker(protocol, guarantee: guarantee).Start())
        {
            await Wait.Until(() => before.Acknowledged == 300);
            await before.StopAsync();
        }

        _topics.WriteNumbers(_input, 1, 100, from: 300);
        await _topics.DeleteRecordsAsync(_input, before: 350);
        var next = _topics.Committed(_group, _input, 1)[0];
        await using var worker = Worker(protocol, guarantee: guarantee).Start();
        await Wait.Until(() => worker.Acknowledged == 50);
        await worker.StopAsync();

        Assert.Contains($"{350 - next} events, offsets {next} to 349, were deleted", TestLog.Newest, StringComparison.Ordinal);
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce, "classic")]
    [InlineData(DeliveryGuarantee.ExactlyOnce, "classic")]
    [InlineData(DeliveryGuarantee.AtLeastOnce, "consumer")]
    public async Task Latest_leaves_out_what_was_there_before_the_group_and_nothing_else(DeliveryGuarantee guarantee, string protocol)
    {
        _topics.Create([_input, _output, _letters], partitions: 2);
        _topics.WriteNumbers(_input, 2, 100);
        await using var worker = Worker(protocol, new() { ["auto.offset.reset"] = "latest" }, guarantee).Start();
        await Wait.Until(() => _topics.Committed(_group, _input, 2) is [50, 50]); // although nothing was read

        await _topics.GrowAsync(_input, 3);
        using (var other = new Topics(_kafka.BootstrapServers))
        {
            await Wait.Until(() => other.PartitionCount(_input) == 3);
            for (var i = 0; i < 20; i++) other.Write(new(_input, 2), new() { Value = Topics.Bytes($"{i}") }); // before anyone reads the partition
            other.Flush();
        }

        await Wait.Until(() => worker.Acknowledged == 20);
        await worker.StopAsync();
        Assert.Equal([50, 50], _topics.Committed(_group, _input, 3).Take(2));
    }
}
