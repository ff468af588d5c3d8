using MtlStream.Diagnostics;

namespace MtlStream.Kafka;

/// <summary>Tells of events that were deleted before they were read: the client goes on behind them without a word. For the poll thread.</summary>
internal sealed class GoneEvents(SessionContext context)
{
    private readonly RepeatedLines _lines = new(context.Time);

    /// <summary>Looks whether what lies between the event that was to be read next and one further on is gone.</summary>
    /// <remarks>Compaction and transactions leave gaps too, but do not move the first offset of a partition.</remarks>
    public void Look(PartitionFlow flow, long reached, IConsumerPort consumer)
    {
        var first = consumer.Ends(flow.Partition).Low.Value;
        if (flow.Next is not { } next || first <= next || reached <= next) return;
        var end = PartitionStarts.AtEnd(context.Options) ? reached : Math.Min(first, reached); // then what is still there is passed over, too
        flow.Next = end;
        context.Metrics.Gone(flow.Partition.Topic, end - next);
        if (_lines.TryTake(flow.Partition.ToString(), out _)) context.Logger.EventsGone(flow.Partition.ToString(), end - next, next, end - 1);
    }
}
