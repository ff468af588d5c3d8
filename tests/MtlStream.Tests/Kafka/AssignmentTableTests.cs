using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class AssignmentTableTests
{
    private readonly AssignmentTable _table = new();
    private readonly TopicPartition _partition = new("t", 0);

    [Fact]
    public void Every_assignment_and_rewind_gets_a_higher_number()
    {
        var numbers = new[] { _table.Start(_partition), _table.Start(new("t", 1)), _table.Start(_partition) }.Select(f => f.Assignment);

        Assert.Equal([1, 2, 3], numbers);
    }

    [Fact]
    public void A_late_report_of_an_older_assignment_moves_nothing_but_frees_its_room()
    {
        var before = _table.Start(_partition);
        var late = _table.Receive(before, 7, 100);
        var now = _table.Start(_partition);
        var fresh = _table.Receive(now, 7, 10);
        Assert.Equal((2, 110), (_table.InFlightEvents, _table.InFlightBytes));

        Assert.True(before.Revoked);
        _table.Acknowledge(late);

        Assert.Null(_table.Find(late));
        Assert.Null(now.Committable);
        Assert.Equal((1, 10), (_table.InFlightEvents, _table.InFlightBytes));
        _table.Acknowledge(fresh);
        Assert.Equal(8, now.Committable);
        Assert.Equal((0, 0), (_table.InFlightEvents, _table.InFlightBytes));
    }

    [Fact]
    public void A_flow_that_is_over_is_forgotten_with_its_last_event_and_not_before()
    {
        var flow = _table.Start(_partition);
        var (first, second) = (_table.Receive(flow, 0, 1), _table.Receive(flow, 1, 1));
        _table.Remove(_partition);

        _table.Acknowledge(second);
        Assert.Same(flow, _table.Find(first));
        _table.Acknowledge(first);
        Assert.Null(_table.Find(first));
        var failure = Assert.Throws<InvalidOperationException>(() => _table.Acknowledge(first));
        Assert.Contains(first.ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flow_that_ends_with_nothing_in_flight_is_forgotten_at_once()
    {
        var position = _table.Receive(_table.Start(_partition), 0, 1);
        _table.Acknowledge(position);
        Assert.NotNull(_table.Find(position));

        _table.Remove(_partition);

        Assert.Null(_table.Find(position));
    }

    [Fact]
    public void What_a_flow_drops_is_acknowledged_and_never_committed()
    {
        var flow = _table.Start(_partition);
        var (first, second) = (_table.Receive(flow, 5, 1), _table.Receive(flow, 6, 1));

        flow.Drop(second.Sequence);
        _table.Acknowledge(second);
        _table.Acknowledge(first);

        Assert.Equal((6, 0), (flow.Committable, flow.Unacknowledged));
    }

    [Fact]
    public void A_flow_that_is_given_up_is_over()
    {
        var flow = _table.Start(_partition);
        Assert.False(flow.GivenUp);

        flow.Abandon();

        Assert.True(flow.GivenUp);
        Assert.False(flow.TryBeginPublish());
    }

    [Fact]
    public void Of_a_flow_that_is_given_up_nothing_is_done_but_what_was_committed()
    {
        var flow = _table.Start(_partition);
        var positions = Enumerable.Range(0, 10).Select(offset => _table.Receive(flow, offset, 1)).ToList();
        foreach (var position in positions) flow.Published(position.Sequence);

        flow.Abandon();
        foreach (var position in positions) _table.Acknowledge(position); // as dropped, when its transaction is aborted
        flow.FetchedUpTo(50);
        Assert.Equal(0, flow.DoneUpTo);

        flow.Stored = 4;
        Assert.Equal(4, flow.DoneUpTo);
    }

    [Fact]
    public void What_was_said_of_a_partition_before_it_was_rewound_hides_no_lag()
    {
        var flow = _table.Start(_partition);
        flow.FetchedUpTo(150);

        _table.Receive(flow, 100, 1);

        Assert.Equal(100, flow.DoneUpTo);
    }

    [Fact]
    public void A_flow_that_is_given_up_and_read_nothing_has_nothing_left_to_do()
    {
        var flow = _table.Start(_partition);
        flow.FetchedUpTo(50);

        flow.Abandon();

        Assert.Equal(50, flow.DoneUpTo);
    }

    [Fact]
    public void A_flow_begins_with_the_first_event_that_was_read()
    {
        var flow = _table.Start(_partition);
        Assert.Null(flow.FirstOffset);

        _table.Receive(flow, 7, 1);
        _table.Receive(flow, 8, 1);

        Assert.Equal(7, flow.FirstOffset);
    }

    [Fact]
    public void What_is_published_is_remembered_until_it_is_acknowledged()
    {
        var flow = _table.Start(_partition);
        var position = _table.Receive(flow, 0, 1);

        flow.Published(position.Sequence);
        Assert.Equal(1, flow.Remembered);
        _table.Acknowledge(position);

        Assert.Equal(0, flow.Remembered);
    }

    [Fact]
    public void Nothing_of_a_retired_flow_is_published()
    {
        var flow = _table.Start(_partition);
        Assert.True(flow.TryBeginPublish());
        flow.Revoke();

        Assert.False(flow.TryBeginPublish());
        Assert.False(flow.NothingPublishing);
        flow.EndPublish();
        Assert.True(flow.NothingPublishing);
    }

    [Fact]
    public void A_transaction_with_a_gap_in_a_partition_is_seen()
    {
        var flow = _table.Start(_partition);
        var (first, second) = (_table.Receive(flow, 3, 1), _table.Receive(flow, 4, 1));

        flow.Published(second.Sequence); // the first was refused; its dead letter is still to come
        Assert.True(flow.PublishedWithGap);
        flow.Published(first.Sequence);

        Assert.False(flow.PublishedWithGap);
        Assert.Equal(5, flow.PublishedUpTo);
    }

    [Fact]
    public void A_flow_that_read_nothing_but_skipped_knows_where_to_begin_again()
    {
        var flow = _table.Start(_partition);
        flow.Revoke();
        flow.Skip(12);
        flow.Skip(13);

        Assert.Equal(12, flow.FirstOffset);
    }

    [Fact]
    public void An_event_read_belongs_to_its_partition_as_it_is_assigned_now()
    {
        var (first, other) = (_table.Start(_partition), _table.Start(new("t", 1)));
        Assert.Same(first, _table.CurrentOf("t", 0));
        Assert.Same(other, _table.CurrentOf("t", 1));
        Assert.Null(_table.CurrentOf("u", 1));

        var again = _table.Start(_partition);
        Assert.Same(again, _table.CurrentOf("t", 0));
        _table.Remove(_partition);
        Assert.Null(_table.CurrentOf("t", 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_what_is_acknowledged_nothing_is_remembered(bool inTransactions)
    {
        var table = new AssignmentTable(inTransactions);
        var flow = table.Start(_partition);

        for (var offset = 0; offset < 1000; offset++)
        {
            var position = table.Receive(flow, offset, 1);
            if (inTransactions) flow.Published(position.Sequence);
            table.Acknowledge(position);
        }

        Assert.Equal(0, flow.Remembered);
        Assert.Equal(1000, flow.Committable);
    }
}
