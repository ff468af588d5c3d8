using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>Where partitions begin that are assigned; what the group does not hold yet is committed. For the poll thread.</summary>
/// <remarks>
/// Left to the client, a partition that was never read begins anew at every start. With <c>auto.offset.reset=latest</c> what came
/// meanwhile is lost, and so is what comes first into added partitions (https://issues.apache.org/jira/browse/KAFKA-12478). Scalers
/// take all that such a partition ever held for lag (https://github.com/kedacore/keda/issues/7936).
/// </remarks>
internal sealed class PartitionStarts(SessionContext context, RemadeTopics remade)
{
    private static readonly TimeSpan s_ask = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>Members that join together must see no commit of each other: their partitions would pass for added ones.</summary>
    private static readonly TimeSpan s_joinTogether = TimeSpan.FromSeconds(5);

    private readonly List<(TopicPartitionOffset Start, PartitionFlow Flow)> _uncommitted = [];
    private long _assigned;

    /// <summary>True when the settings have a partition that was never read begin at its end.</summary>
    public static bool AtEnd(KafkaOptions options) => ResetOf(options) is "latest" or "largest" or "end";

    /// <summary>Where to begin. Blocks for a few seconds at most; what the brokers do not say by then is left to the client.</summary>
    public IReadOnlyList<TopicPartitionOffset> Of(IReadOnlyList<TopicPartition> partitions, IConsumerPort consumer)
    {
        if (partitions.Count == 0) return [];
        var since = context.Time.GetTimestamp();
        var committed = CommittedOf(partitions, consumer).ToDictionary(c => c.TopicPartition, c => c.Offset.Value);
        var read = new Dictionary<string, bool>();
        var starts = new List<TopicPartitionOffset>(partitions.Count);
        foreach (var partition in partitions)
        {
            var start = new TopicPartitionOffset(partition, Offset.Unset);
            if (!committed.TryGetValue(partition, out var offset)) starts.Add(start);
            else if (offset >= 0) starts.Add(Begin(start, offset));
            else starts.Add(StartOf(partition, WasRead(partition.Topic), s_ask - context.Time.GetElapsedTime(since), consumer) ?? start);
        }

        return starts;

        bool WasRead(string topic) => read.TryGetValue(topic, out var was) ? was : read[topic] = IsRead(topic, consumer);
    }

    /// <summary>Commits where partitions began that the group held no offset of.</summary>
    /// <param name="leaving">They may be another member's next.</param>
    public void Commit(IConsumerPort consumer, bool leaving = false)
    {
        if (_uncommitted.Count == 0) return;
        if (!leaving && AtEnd(context.Options) && context.Time.GetElapsedTime(_assigned) < s_joinTogether) return;
        List<TopicPartitionOffset> starts = [.. _uncommitted
            .Where(u => context.Table.CurrentOf(u.Start.TopicPartition) == u.Flow) // else it may have been read, and rewound
            .Where(u => u.Flow is { GivenUp: false, Committable: null, PublishedUpTo: null })
            .Select(u => u.Start)];
        _uncommitted.Clear();
        if (starts.Count == 0) return;
        try
        {
            consumer.Commit(starts);
        }
        catch (KafkaException exception)
        {
            context.ReportCommit(exception.Error.Reason);
        }
    }

    private static string ResetOf(KafkaOptions options) => (LibrdkafkaProperties.Setting(options, "auto.offset.reset") ?? "earliest").Trim().ToLowerInvariant();

    private TopicPartitionOffset? StartOf(TopicPartition partition, bool wasRead, TimeSpan left, IConsumerPort consumer)
    {
        if (ResetOf(context.Options) is "error" or "none") return null;
        var added = AtEnd(context.Options) && wasRead;
        if (added) context.Logger.PartitionAdded(partition.ToString());
        if (EndsOf(partition, left, consumer) is not { } ends) return added ? new(partition, Offset.Beginning) : null;
        var offset = AtEnd(context.Options) && !added ? ends.High : ends.Low;
        var start = new TopicPartitionOffset(partition, offset);
        if (context.Table.CurrentOf(partition) is { } flow) _uncommitted.Add((start, flow));
        _assigned = context.Time.GetTimestamp();
        return Begin(start, offset.Value);
    }

    /// <summary>Null when the brokers do not say: no leader, for instance. The client goes on asking.</summary>
    /// <remarks>With the consumer protocol partitions are assigned before the client has heard of them.</remarks>
    private WatermarkOffsets? EndsOf(TopicPartition partition, TimeSpan left, IConsumerPort consumer)
    {
        var since = context.Time.GetTimestamp();
        for (var remaining = left; remaining > TimeSpan.Zero && !context.IsAbandoned; remaining = left - context.Time.GetElapsedTime(since))
        {
            try
            {
                return consumer.QueryEnds(partition, remaining);
            }
            catch (KafkaException exception) when (exception.Error.Code == ErrorCode.Local_UnknownPartition)
            {
                context.Signal.Wait(s_askAgain);
            }
            catch (KafkaException)
            {
                return null;
            }
        }

        return null;
    }

    private TopicPartitionOffset Begin(TopicPartitionOffset start, long offset)
    {
        if (context.Table.CurrentOf(start.TopicPartition) is { } flow) flow.Next = offset;
        return start;
    }

    /// <summary>True when the topic is new, or the group holds an offset of any of its partitions: those without one were added since.</summary>
    private bool IsRead(string topic, IConsumerPort consumer)
    {
        if (!AtEnd(context.Options)) return false;
        if (remade.Knows(topic)) return true;
        var all = Enumerable.Range(0, context.Topics.PartitionsOf(topic)).Select(p => new TopicPartition(topic, p)).ToList();
        return CommittedOf(all, consumer).Any(c => c.Offset.Value >= 0);
    }

    private IReadOnlyList<TopicPartitionOffset> CommittedOf(IReadOnlyList<TopicPartition> partitions, IConsumerPort consumer)
    {
        try
        {
            return partitions.Count == 0 ? [] : consumer.Committed(partitions, s_ask);
        }
        catch (KafkaException exception)
        {
            context.Report("consumer", $"the group does not say where its partitions begin: {exception.Error.Reason}");
            return [];
        }
    }
}
