using Confluent.Kafka;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>A message of the dead-letter topic that is not of this program's making.</summary>
/// <param name="Problem">Which header is missing or wrong.</param>
public sealed record ForeignMessage(string Topic, int Partition, long Offset, string Problem);

/// <summary>Reads the dead-letter topic, and sends events back to where they came from. Blocks; not thread-safe.</summary>
public sealed class DeadLetterTopic(KafkaConfiguration configuration) : IDisposable
{
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(200);

    private IProducer<byte[]?, byte[]?>? _producer;
    private Error? _failure;

    /// <summary>Reads from the start to where the topic ended when it was asked, partition by partition as they come.</summary>
    /// <param name="foreign">Told of messages that are no dead letters of this program; they are skipped.</param>
    /// <exception cref="IOException">The brokers cannot be reached, or the topic does not exist or may not be read.</exception>
    public IEnumerable<DeadLetter> Read(Action<ForeignMessage> foreign, CancellationToken stopping)
    {
        var settings = new Dictionary<string, string>(configuration.Consumer)
        {
            ["enable.auto.commit"] = "false",
            ["enable.partition.eof"] = "true",
            ["auto.offset.reset"] = "earliest",
        };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(settings).SetLogHandler((_, _) => { }).Build();
        var ends = Ends(consumer);
        consumer.Assign(ends.Keys.Select(p => new TopicPartitionOffset(p, Offset.Beginning)));
        var left = new HashSet<TopicPartition>(ends.Where(e => e.Value > 0).Select(e => e.Key));
        while (left.Count > 0)
        {
            stopping.ThrowIfCancellationRequested();
            if (Consume(consumer) is not { } result) continue;
            if (result.IsPartitionEOF || result.Offset.Value >= ends[result.TopicPartition] - 1) left.Remove(result.TopicPartition);
            if (result.IsPartitionEOF || result.Offset.Value >= ends[result.TopicPartition]) continue;

            var message = result.Message;
            IReadOnlyList<EventHeader> headers = message.Headers is null ? [] : [.. message.Headers.Select(h => new EventHeader(h.Key, h.GetValueBytes()))];
            if (DeadLetter.TryRead(message.Key, headers, message.Value, message.Timestamp.UnixTimestampMs, out var letter, out var problem))
                yield return letter;
            else
                foreign(new(result.Topic, result.Partition.Value, result.Offset.Value, problem));
        }
    }

    /// <summary>
    /// Queues an event for the topic it came from, with its original key, headers and bytes and the time of now. An event without
    /// a key goes to its original partition.
    /// </summary>
    /// <exception cref="IOException">An event queued before could not be written.</exception>
    public void Replay(DeadLetter letter)
    {
        ArgumentNullException.ThrowIfNull(letter);
        _producer ??= new ProducerBuilder<byte[]?, byte[]?>(
            configuration.Producer.Where(p => !p.Key.StartsWith("transaction", StringComparison.Ordinal))
                .Where(p => p.Key != "dotnet.producer.delivery.report.fields")).SetLogHandler((_, _) => { }).Build();
        var headers = new Headers();
        foreach (var header in letter.Headers) headers.Add(header.Key, header.Value);
        var message = new Message<byte[]?, byte[]?> { Key = letter.Key, Value = letter.Payload, Headers = headers };
        var target = new TopicPartition(letter.Topic, letter.Key is null ? letter.Partition : Partition.Any);
        while (true)
        {
            ThrowOnFailure();
            try
            {
                _producer.Produce(target, message, report =>
                {
                    if (report.Error.IsError) _failure ??= report.Error;
                });
                return;
            }
            catch (ProduceException<byte[]?, byte[]?> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
            {
                _producer.Poll(s_wait);
            }
            catch (ProduceException<byte[]?, byte[]?> exception)
            {
                throw new IOException($"An event cannot be written to {letter.Topic}: {exception.Error.Reason}", exception);
            }
        }
    }

    /// <summary>Waits until everything queued is durable.</summary>
    /// <exception cref="IOException">An event could not be written.</exception>
    public void Flush(CancellationToken stopping)
    {
        _producer?.Flush(stopping);
        ThrowOnFailure();
    }

    public void Dispose() => _producer?.Dispose();

    /// <summary>The offset after the last message of each partition.</summary>
    private Dictionary<TopicPartition, long> Ends(IConsumer<byte[]?, byte[]?> consumer)
    {
        var topic = configuration.Kafka.DeadLetterTopic;
        try
        {
            using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            var metadata = admin.GetMetadata(topic, s_request).Topics.Single();
            if (metadata.Error.IsError) throw new IOException($"The dead-letter topic {topic} cannot be read: {metadata.Error.Reason}");
            return metadata.Partitions.Select(p => new TopicPartition(topic, p.PartitionId))
                .ToDictionary(p => p, p => consumer.QueryWatermarkOffsets(p, s_request) is var marks && marks.High > marks.Low ? marks.High.Value : 0);
        }
        catch (KafkaException exception)
        {
            throw new IOException($"The dead-letter topic {topic} at {configuration.Kafka.BootstrapServers} cannot be read: {exception.Error.Reason}", exception);
        }
    }

    private static ConsumeResult<byte[]?, byte[]?>? Consume(IConsumer<byte[]?, byte[]?> consumer)
    {
        try
        {
            return consumer.Consume(s_wait);
        }
        catch (ConsumeException exception)
        {
            throw new IOException($"The dead-letter topic cannot be read: {exception.Error.Reason}", exception);
        }
    }

    private void ThrowOnFailure()
    {
        if (_failure is { } failure) throw new IOException($"An event could not be replayed: {failure.Reason}");
    }
}
