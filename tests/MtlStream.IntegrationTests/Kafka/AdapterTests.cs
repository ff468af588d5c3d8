using Confluent.Kafka;
using MtlStream.Delivery;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Source and sink against the embedded cluster, where all is as it should be.</summary>
public sealed class AdapterTests : EmbeddedAdapter
{
    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task Every_event_comes_out_once_in_partition_order_and_is_committed_on_a_stop(DeliveryGuarantee guarantee)
    {
        _topics.WriteNumbers(_input, Partitions, 5000);

        await using var worker = Worker(guarantee).Start();
        await Wait.Until(() => worker.Acknowledged == 5000);
        await worker.StopAsync();

        AssertNumbers(5000, exact: true);
        if (guarantee == DeliveryGuarantee.AtLeastOnce) // this cluster forgets the offsets of transactions
            Assert.Equal(Enumerable.Repeat(1250L, Partitions), _topics.Committed(_group, _input, Partitions));
    }

    [Fact]
    public async Task A_client_that_tells_of_the_ends_of_partitions_disturbs_nothing()
    {
        _topics.WriteNumbers(_input, Partitions, 100);
        await using var worker = Worker(
            DeliveryGuarantee.AtLeastOnce, o => o with { Consumer = new Dictionary<string, string> { ["enable.partition.eof"] = "true" } }).Start();
        await Wait.Until(() => worker.Acknowledged == 100);
        _topics.WriteNumbers(_input, Partitions, 100, from: 100); // behind the ends that it was told of

        await Wait.Until(() => worker.Acknowledged == 200);
        await worker.StopAsync();

        AssertNumbers(200, exact: true);
    }

    [Fact]
    public async Task A_worker_goes_on_where_the_one_before_it_stopped()
    {
        _topics.WriteNumbers(_input, Partitions, 1000);
        await using (var first = Worker().Start())
        {
            await Wait.Until(() => first.Acknowledged == 1000);
            await first.StopAsync();
        }

        _topics.WriteNumbers(_input, Partitions, 1000, from: 1000);
        await using var second = Worker().Start();
        await Wait.Until(() => second.Acknowledged == 1000);
        await second.StopAsync();

        AssertNumbers(2000, exact: true);
    }

    [Fact]
    public async Task What_was_in_flight_when_a_worker_gave_up_is_delivered_again()
    {
        _topics.WriteNumbers(_input, Partitions, 1000);
        await using (var hanging = Worker())
        {
            hanging.Start();
            await Wait.Until(() => hanging.Acknowledged > 0);
            hanging.Hold = new();
        }

        await using var next = Worker().Start();
        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() == 1000);
        await next.StopAsync();

        AssertNumbers(1000, exact: false);
    }

    [Fact]
    public async Task Key_headers_timestamp_and_tombstones_arrive_as_they_were()
    {
        var timestamp = new Timestamp(1_700_000_000_123, TimestampType.CreateTime);
        var headers = new Headers { { "a", [0, 255] }, { "a", Topics.Bytes("again") }, { "none", null } };
        _topics.Write(new(_input, 0), new() { Key = Topics.Bytes("k"), Value = Topics.Bytes("v"), Headers = headers, Timestamp = timestamp });
        _topics.Write(new(_input, 1), new() { Key = Topics.Bytes("gone"), Value = null, Timestamp = timestamp });
        _topics.Write(new(_input, 2), new() { Key = null, Value = Topics.Bytes("no key"), Timestamp = timestamp });
        _topics.Write(new(_input, 3), new() { Key = [], Value = [], Timestamp = timestamp });
        _topics.Flush();

        await using var worker = Worker().Start();
        await Wait.Until(() => worker.Acknowledged == 4);
        await worker.StopAsync();

        var read = _topics.ReadAll(_output);
        Assert.All(read, r => Assert.Equal(timestamp.UnixTimestampMs, r.Message.Timestamp.UnixTimestampMs));
        var plain = Assert.Single(read, r => Topics.Text(r.Message.Value) == "v");
        Assert.Equal("k", Topics.Text(plain.Message.Key));
        Assert.Equal(["a", "a", "none"], plain.Message.Headers.Select(h => h.Key));
        Assert.Equal([0, 255], plain.Message.Headers[0].GetValueBytes());
        Assert.Null(plain.Message.Headers[2].GetValueBytes());
        Assert.Equal("gone", Topics.Text(Assert.Single(read, r => r.Message.Value is null).Message.Key));
        var keyless = Assert.Single(read, r => r.Message.Key is null);
        Assert.Equal(2, keyless.Partition.Value); // its source partition
        Assert.Empty(Assert.Single(read, r => r.Message.Value is { Length: 0 }).Message.Key!);
    }

    [Fact]
    public async Task Events_of_one_key_go_where_the_Java_client_sends_them()
    {
        for (var i = 0; i < 50; i++) _topics.Write(new(_input, Partition.Any), new() { Key = Topics.Bytes($"key {i}"), Value = [] });
        _topics.Flush();

        await using var worker = Worker().Start();
        await Wait.Until(() => worker.Acknowledged == 50);
        await worker.StopAsync();

        var before = _topics.ReadAll(_input).ToDictionary(r => Topics.Text(r.Message.Key), r => r.Partition); // written with murmur2_random
        Assert.All(_topics.ReadAll(_output), r => Assert.Equal(before[Topics.Text(r.Message.Key)], r.Partition));
    }

    [Fact]
    public async Task A_thousand_headers_are_carried()
    {
        var headers = new Headers();
        for (var i = 0; i < 1000; i++) headers.Add($"h{i}", Topics.Bytes($"value {i}"));
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes("v"), Headers = headers });
        _topics.Flush();

        await using var worker = Worker().Start();
        await Wait.Until(() => worker.Acknowledged == 1);
        await worker.StopAsync();

        var read = Assert.Single(_topics.ReadAll(_output));
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"value {i}"), read.Message.Headers.Select(h => Topics.Text(h.GetValueBytes())));
    }
}
