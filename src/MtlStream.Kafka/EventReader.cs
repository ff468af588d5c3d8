using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>An event as a reader of a topic gets it.</summary>
public sealed record ReceivedEvent(string Topic, byte[]? Key, byte[]? Value);

/// <summary>Reads topics from their start without a group, as programs behind a worker do. Not thread-safe.</summary>
public sealed class EventReader : IDisposable
{
    private readonly IConsumer<byte[]?, byte[]?> _consumer;

    /// <param name="topics">Each with so many partitions.</param>
    public EventReader(KafkaConfiguration clients, IEnumerable<string> topics, int partitions)
    {
        ArgumentNullException.ThrowIfNull(clients);
        var properties = new Dictionary<string, string>(clients.Consumer)
        {
            ["enable.auto.commit"] = "false",
            ["statistics.interval.ms"] = "0",
        };
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties).SetLogHandler((_, _) => { }).Build();
        _consumer.Assign(topics.SelectMany(topic =>
            Enumerable.Range(0, partitions).Select(partition => new TopicPartitionOffset(topic, partition, Offset.Beginning))));
    }

    /// <summary>Waits so long for an event.</summary>
    /// <returns>Null when none came.</returns>
    public ReceivedEvent? Read(TimeSpan wait)
    {
        var result = _consumer.Consume(wait);
        return result is null ? null : new(result.Topic, result.Message.Key, result.Message.Value);
    }

    public void Dispose() => _consumer.Dispose();
}
