using Confluent.Kafka;
using Confluent.Kafka.Admin;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>A topic that is read whole, again as it grows, and written one record at a time. Blocks; not thread-safe.</summary>
/// <remarks>Without a group: nothing is committed, and each reader sees everything.</remarks>
/// <param name="title">What messages call it, such as <c>review topic</c>.</param>
public sealed class RecordTopic(KafkaConfiguration configuration, string topic, string title) : IDisposable
{
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(200);

    private readonly Dictionary<TopicPartition, long> _positions = []; // where reading goes on
    private IConsumer<byte[]?, byte[]?>? _consumer;
    private IProducer<byte[]?, byte[]?>? _producer;

    /// <summary>Makes the topic where it is missing and <c>Kafka:CreateTopics</c> allows it.</summary>
    /// <exception cref="IOException">It is missing, or the brokers cannot be reached.</exception>
    public void Ensure()
    {
        using var admin = new AdminClientBuilder(configuration.Admin).SetLogHandler((_, _) => { }).Build();
        try
        {
            var found = admin.GetMetadata(topic, s_request).Topics.Single();
            if (found.Error.Code != ErrorCode.UnknownTopicOrPart)
            {
                if (found.Error.IsError) throw CannotRead(found.Error.Reason);
                return;
            }

            if (!configuration.Kafka.CreateTopics) throw CannotRead("it does not exist; make it, or set Kafka:CreateTopics=true");
            admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = -1, ReplicationFactor = -1 }]).GetAwaiter().GetResult();
        }
        catch (CreateTopicsException exception)
        {
            throw CannotRead(exception.Results[0].Error.Reason, exception);
        }
        catch (KafkaException exception)
        {
            throw CannotRead(exception.Error.Reason, exception);
        }
    }

    /// <summary>What came since the last call, or since the topic's start, up to where the topic ends now.</summary>
    /// <exception cref="IOException">The brokers cannot be reached, or the topic does not exist or may not be read.</exception>
    public IReadOnlyList<SourceRecord> ReadNew(CancellationToken stopping)
    {
        var records = new List<SourceRecord>();
        try
        {
            _consumer ??= Consumer();
            var ends = Ends(_consumer);
            var left = ends.Where(e => _positions[e.Key] < e.Value).Select(e => e.Key).ToHashSet();
            _consumer.Assign(left.Select(p => new TopicPartitionOffset(p, _positions[p])));
            while (left.Count > 0)
            {
                stopping.ThrowIfCancellationRequested();
                if (_consumer.Consume(s_wait) is not { } result) continue;
                if (!result.IsPartitionEOF) records.Add(RecordOf(result));
                _positions[result.TopicPartition] = result.Offset.Value + (result.IsPartitionEOF ? 0 : 1);
                if (_positions[result.TopicPartition] >= ends[result.TopicPartition]) left.Remove(result.TopicPartition);
            }

            _consumer.Unassign();
            return records;
        }
        catch (KafkaException exception)
        {
            throw CannotRead(exception.Error.Reason, exception);
        }
    }

    /// <summary>Writes a record and waits until it is durable.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Append(byte[] key, byte[] value)
    {
        try
        {
            _producer ??= new ProducerBuilder<byte[]?, byte[]?>(
                configuration.Producer.Where(p => !p.Key.StartsWith("transaction", StringComparison.Ordinal) && p.Key != "dotnet.producer.delivery.report.fields"))
                .SetLogHandler((_, _) => { }).Build();
            _producer.ProduceAsync(topic, new() { Key = key, Value = value }).GetAwaiter().GetResult();
        }
        catch (KafkaException exception)
        {
            throw new IOException($"The {title} {topic} cannot be written: {exception.Error.Reason}", exception);
        }
    }

    public void Dispose()
    {
        _consumer?.Dispose();
        _producer?.Dispose();
    }

    private static SourceRecord RecordOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        var message = result.Message;
        IReadOnlyList<EventHeader> headers = message.Headers is null ? [] : [.. message.Headers.Select(h => new EventHeader(h.Key, h.GetValueBytes()))];
        var position = new SourcePosition(result.Topic, result.Partition.Value, result.Offset.Value, 0, result.Offset.Value);
        return new(position, message.Key, message.Value, headers, message.Timestamp.UnixTimestampMs, 0);
    }

    private IConsumer<byte[]?, byte[]?> Consumer()
    {
        var settings = new Dictionary<string, string>(configuration.Consumer)
        {
            ["enable.auto.commit"] = "false",
            ["enable.partition.eof"] = "true",
            ["auto.offset.reset"] = "earliest",
            ["statistics.interval.ms"] = "0",
        };
        return new ConsumerBuilder<byte[]?, byte[]?>(settings).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>The offset after the last message of each partition; those seen for the first time begin at their start.</summary>
    private Dictionary<TopicPartition, long> Ends(IConsumer<byte[]?, byte[]?> consumer)
    {
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        var metadata = admin.GetMetadata(topic, s_request).Topics.Single();
        if (metadata.Error.IsError) throw CannotRead(metadata.Error.Reason);
        var ends = new Dictionary<TopicPartition, long>();
        foreach (var partition in metadata.Partitions.Select(p => new TopicPartition(topic, p.PartitionId)))
        {
            var marks = consumer.QueryWatermarkOffsets(partition, s_request);
            ends[partition] = marks.High.Value;
            // A topic that was made again, or whose start was deleted, is read from where it begins now.
            var before = _positions.GetValueOrDefault(partition, marks.Low.Value);
            _positions[partition] = before > marks.High.Value ? marks.Low.Value : Math.Max(before, marks.Low.Value);
        }

        return ends;
    }

    private IOException CannotRead(string reason, Exception? inner = null) =>
        new($"The {title} {topic} at {configuration.Kafka.BootstrapServers} cannot be read: {reason}", inner);
}
