using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>Reads partitions again whose flow is over although they are still assigned. For the poll thread.</summary>
internal sealed class Rewinder(SessionContext context, IDelivery delivery)
{
    /// <summary>Starts over whatever is due.</summary>
    public void Rewind(IConsumerPort consumer)
    {
        List<PartitionFlow>? over = null;
        foreach (var flow in context.Table.Current)
            if (flow.Revoked && delivery.MayRewind(flow)) (over ??= []).Add(flow);
        if (over is null) return;
        try
        {
            var offsets = delivery.RestartAt(over, consumer);
            foreach (var flow in over) StartOver(flow, offsets, consumer);
        }
        catch (KafkaException exception)
        {
            // tried again on the next round
            context.Report("consumer", $"partitions cannot be read again yet: {exception.Error.Reason}");
        }
    }

    private void StartOver(PartitionFlow flow, IReadOnlyDictionary<TopicPartition, long> offsets, IConsumerPort consumer)
    {
        var from = offsets.TryGetValue(flow.Partition, out var offset) ? offset : flow.FirstOffset;
        if (from is { } start)
        {
            consumer.Seek(new(flow.Partition, start));
            context.Logger.Rewound(flow.Partition.ToString(), start, delivery.LastTrouble);
            context.Metrics.Rewound();
        }

        context.Table.Start(flow.Partition).Next = from;
    }
}
