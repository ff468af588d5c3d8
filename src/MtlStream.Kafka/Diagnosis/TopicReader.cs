using Confluent.Kafka;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>Looks into topics and at a group's offsets without joining the group. Blocks.</summary>
internal sealed class TopicReader(IConsumer<byte[]?, byte[]?> consumer, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(100);

    public static TopicReader Open(KafkaConfiguration configuration, TimeProvider time)
    {
        var properties = new Dictionary<string, string>(configuration.Consumer)
        {
            ["enable.auto.commit"] = "false",
            ["enable.partition.eof"] = "true",
            ["statistics.interval.ms"] = "0",
            ["auto.offset.reset"] = "earliest",
        };
        var builder = new ConsumerBuilder<byte[]?, byte[]?>(properties).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { });
        return new(builder.Build(), time);
    }

    /// <exception cref="KafkaException">The brokers refuse, or do not answer within the limit.</exception>
    public IReadOnlyList<PartitionProgress> Progress(IReadOnlyList<TopicPartition> partitions, TimeSpan limit)
    {
        var since = time.GetTimestamp();
        var committed = consumer.Committed(partitions, limit).ToDictionary(c => c.TopicPartition, c => c.Offset);
        var found = new List<PartitionProgress>();
        foreach (var partition in partitions)
        {
            var marks = consumer.QueryWatermarkOffsets(partition, Left(since, limit));
            var at = committed.GetValueOrDefault(partition, Offset.Unset);
            found.Add(new(partition.Topic, partition.Partition.Value, marks.Low.Value, marks.High.Value, at.IsSpecial ? null : at.Value));
        }

        return found;
    }

    /// <summary>Reads some of the newest messages of each partition.</summary>
    /// <param name="each">How many of a partition at most.</param>
    /// <exception cref="KafkaException">The brokers refuse.</exception>
    public IReadOnlyList<Message<byte[]?, byte[]?>> Newest(IEnumerable<PartitionProgress> partitions, int each, TimeSpan limit)
    {
        var since = time.GetTimestamp();
        var open = partitions.Where(p => p.First < p.End).ToDictionary(p => new TopicPartition(p.Topic, p.Partition), p => p);
        consumer.Assign(open.Select(o => new TopicPartitionOffset(o.Key, Math.Max(o.Value.First, o.Value.End - each))));
        var read = new List<Message<byte[]?, byte[]?>>();
        while (open.Count > 0 && time.GetElapsedTime(since) < limit)
        {
            if (consumer.Consume(s_wait) is not { } result) continue;
            if (!result.IsPartitionEOF) read.Add(result.Message);
            if (result.IsPartitionEOF || result.Offset.Value >= open[result.TopicPartition].End - 1) open.Remove(result.TopicPartition);
        }

        return read;
    }

    public void Dispose() => consumer.Dispose();

    private TimeSpan Left(long since, TimeSpan limit)
    {
        var left = limit - time.GetElapsedTime(since);
        return left > TimeSpan.Zero ? left : throw new KafkaException(ErrorCode.Local_TimedOut);
    }
}
