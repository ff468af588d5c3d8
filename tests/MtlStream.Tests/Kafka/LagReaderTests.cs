using System.Globalization;
using MtlStream.Delivery;
using MtlStream.Kafka;
using MtlStream.Tests.Diagnostics;

namespace MtlStream.Tests.Kafka;

public sealed class LagReaderTests
{
    [Fact]
    public async Task What_was_fetched_behind_the_last_event_is_no_lag_and_what_statistics_lack_is_left_out()
    {
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce);
        harness.Assign(0, 1);
        var reader = new LagReader(harness.Context, new(harness.Context));

        await reader.NoteStatistics("{}");
        await reader.NoteStatistics("no JSON");
        await reader.NoteStatistics(Of((0, 0, 50), (1, 3, 50), (7, 0, 50)));

        var flows = harness.Context.Table.Current.ToDictionary(f => f.Partition.Partition.Value);
        Assert.Equal(50, flows[0].DoneUpTo);
        Assert.NotEqual(50, flows[1].DoneUpTo); // three wait to be read
    }

    [Fact]
    public async Task Statistics_that_come_while_a_partition_is_rewound_say_nothing_of_what_is_read_then()
    {
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce);
        harness.Assign(0);
        var reader = new LagReader(harness.Context, new(harness.Context));
        var before = Assert.Single(harness.Context.Table.Current);

        var noted = reader.NoteStatistics(Of((0, 0, 50)));
        var after = harness.Context.Table.Start(before.Partition);
        await noted;

        Assert.Null(after.DoneUpTo);
    }

    [Fact]
    public void The_lag_of_a_partition_is_what_lies_behind_the_last_event_acknowledged()
    {
        using var recorder = new MeterRecorder();
        using var harness = new SessionHarness(DeliveryGuarantee.AtLeastOnce, meters: recorder);
        harness.Cluster.Write(0, 10);
        harness.Assign(0);
        harness.Round(2);
        harness.Publish(4);
        harness.Producer!.Report(4);

        harness.Time.Pass(TimeSpan.FromSeconds(2));
        harness.Round();

        Assert.Equal(6, recorder.Of("mtlstream.consumer.lag")[^1].Value);
    }

    private static string Of(params (int Partition, int Waiting, long Next)[] partitions)
    {
        var all = partitions.Select(p => string.Create(
            CultureInfo.InvariantCulture, $"\"{p.Partition}\":{{\"fetchq_cnt\":{p.Waiting},\"next_offset\":{p.Next}}}"));
        return $"{{\"topics\":{{\"in\":{{\"partitions\":{{{string.Join(',', all)}}}}}}}}}";
    }
}
