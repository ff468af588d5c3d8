using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Kafka.Diagnosis;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class GroupFindingsTests
{
    private static readonly KafkaOptions s_options = new() { GroupId = "g", InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead" };

    [Theory]
    [InlineData("range", 1, Severity.Failure)]
    [InlineData("range", 0, Severity.Ok)] // nobody is in it any more
    [InlineData("cooperative-sticky", 2, Severity.Ok)]
    public void A_group_that_divides_its_partitions_in_another_way_cannot_be_joined(string assignor, int members, Severity expected)
    {
        var group = new GroupState(ConsumerGroupState.Stable, assignor, [.. Enumerable.Range(0, members).Select(m => $"{m}")], MayRead: true);

        Assert.Equal(expected, Findings().Members(group).Max(f => f.Severity));
    }

    [Fact]
    public void A_group_that_may_not_be_read_or_seen_cannot_be_joined()
    {
        var group = new GroupState(ConsumerGroupState.Empty, "", [], MayRead: false);

        Assert.Contains(Findings().Members(group), f => f is { Severity: Severity.Failure, Found: "group g may not be joined" });
        Assert.Equal(Severity.Failure, Findings().Unseen(new(ErrorCode.GroupAuthorizationFailed)).Severity);
        Assert.Equal(Severity.Ok, Findings().Unseen(new(ErrorCode.GroupIdNotFound)).Severity);
        Assert.Equal(Severity.Warning, Findings().Unseen(new(ErrorCode.Local_TimedOut)).Severity);
    }

    [Fact]
    public void What_waits_is_counted_from_what_is_committed_or_from_where_reading_begins()
    {
        PartitionProgress[] partitions = [new("in", 0, 0, 1000, 400), new("in", 1, 50, 150, null)];

        Assert.Equal("700 events wait in 2 partitions", Findings().Progress(partitions).First().Found);
        Assert.Equal("600 events wait in 2 partitions", Findings("latest").Progress(partitions).First().Found);
    }

    [Theory]
    [InlineData(null, Severity.Ok, "first event")]
    [InlineData("latest", Severity.Warning, "end")]
    [InlineData("error", Severity.Failure, "could not begin")]
    public void Where_a_new_group_begins_is_said(string? reset, Severity severity, string said)
    {
        var finding = Findings(reset).Progress([new("in", 0, 0, 10, null)]).Last();

        Assert.Equal(severity, finding.Severity);
        Assert.Contains(said, finding.Found, StringComparison.Ordinal);
        Assert.Contains("auto.offset.reset", finding.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(500, 1000, 100, "400 events were deleted before they were read: in [0]")]
    [InlineData(0, 10, 100, "the group has read further than there are events: in [0]")]
    public void Offsets_that_are_not_there_any_more_are_said(long first, long end, long committed, string said) => Assert.Contains(
        Findings().Progress([new("in", 0, first, end, committed)]), f => f.Severity == Severity.Warning && f.Found == said);

    private static GroupFindings Findings(string? reset = null)
    {
        var consumer = new Dictionary<string, string>();
        if (reset is not null) consumer["auto.offset.reset"] = reset;
        return new(new(s_options with { Consumer = consumer }, new()));
    }
}
