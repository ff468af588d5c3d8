using Confluent.Kafka;
using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream.Kafka;

/// <summary>A message of the dead-letter topic that is not of this program's making.</summary>
/// <param name="Problem">Which header is missing or wrong.</param>
public sealed record ForeignMessage(string Topic, int Partition, long Offset, string Problem);

/// <summary>A dead letter, and its place in the dead-letter topic.</summary>
/// <param name="Rejected">When it was written there, milliseconds since the Unix epoch.</param>
/// <param name="Replayed">When it was replayed last, milliseconds since the Unix epoch; null when it was not.</param>
public sealed record StoredLetter(DeadLetter Letter, int Partition, long Offset, long Rejected, long? Replayed);

/// <summary>Reads the dead-letter topic, and sends events back to where they came from. Blocks; not thread-safe.</summary>
public sealed class DeadLetterTopic(KafkaConfiguration configuration) : IDisposable
{
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(200);

    private readonly Lock _sync = new(); // delivery is reported on a thread of the client
    private readonly Dictionary<int, long> _positions = [];
    private readonly Dictionary<string, int> _partitions = []; // of the topics that events go back to; 0 where it is not known
    private readonly HashSet<(int Partition, long Offset)> _undelivered = [];
    private readonly Dictionary<int, List<long>> _unmarked = []; // delivered, by partition of the dead-letter topic
    private IProducer<byte[]?, byte[]?>? _producer;
    private Error? _failure;
    private int _delivered;

    /// <summary>How many events were given to <see cref="Replay"/>.</summary>
    public int Sent { get; private set; }

    /// <summary>How many of them are known to be durable.</summary>
    public int Delivered
    {
        get
        {
            lock (_sync) return _delivered;
        }
    }

    /// <summary>By partition of the dead-letter topic, the offset from which on letters were not read, or are not known to be delivered.</summary>
    public IReadOnlyDictionary<int, long> Rest
    {
        get
        {
            lock (_sync) return _positions.ToDictionary(p => p.Key, p => _undelivered.Where(u => u.Partition == p.Key).Select(u => u.Offset).Append(p.Value).Min());
        }
    }

    /// <summary>Reads to where the topic ended when it was asked, partition by partition as they come. Twice: marks of replays lie behind their letters.</summary>
    /// <param name="since">Begins at the first letter of this time or later, so far as the brokers can find it: some before may come. Null for the start.</param>
    /// <param name="from">Where to begin in these partitions instead.</param>
    /// <param name="foreign">Told of messages that are no dead letters of this program; they are skipped.</param>
    /// <exception cref="IOException">The brokers cannot be reached, or the topic does not exist or may not be read.</exception>
    public IEnumerable<StoredLetter> Read(
        DateTimeOffset? since, IReadOnlyDictionary<int, long> from, Action<ForeignMessage> foreign, CancellationToken stopping)
    {
        var settings = new Dictionary<string, string>(configuration.Consumer)
        {
            ["enable.auto.commit"] = "false",
            ["enable.partition.eof"] = "true",
            ["auto.offset.reset"] = "earliest",
        };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(settings).SetLogHandler((_, _) => { }).Build();
        var bounds = Bounds(consumer, since?.ToUnixTimeMilliseconds() ?? 0, from);
        foreach (var (partition, bound) in bounds) _positions[partition.Partition.Value] = bound.Start;
        var replayed = new ReplayedLetters();
        foreach (var result in Messages(consumer, bounds, stopping))
            if (ReplayMark.TryRead(result.Message, out var mark)) replayed.Add(result.Partition.Value, mark, result.Message.Timestamp.UnixTimestampMs);

        foreach (var result in Messages(consumer, bounds, stopping))
        {
            var (message, partition, offset) = (result.Message, result.Partition.Value, result.Offset.Value);
            IReadOnlyList<EventHeader> headers = message.Headers is null ? [] : [.. message.Headers.Select(h => new EventHeader(h.Key, h.GetValueBytes()))];
            if (DeadLetter.TryRead(message.Key, headers, message.Value, message.Timestamp.UnixTimestampMs, out var letter, out var problem))
                yield return new(letter, partition, offset, message.Timestamp.UnixTimestampMs, replayed.TimeOf(partition, offset));
            else if (!ReplayMark.TryRead(message, out _))
                foreign(new(result.Topic, partition, offset, problem));
            _positions[partition] = offset + 1; // not before: the one who reads may have given up at this letter
        }
    }

    /// <summary>What lies between the bounds.</summary>
    private static IEnumerable<ConsumeResult<byte[]?, byte[]?>> Messages(
        IConsumer<byte[]?, byte[]?> consumer, Dictionary<TopicPartition, (long Start, long End)> bounds, CancellationToken stopping)
    {
        var left = new HashSet<TopicPartition>(bounds.Where(b => b.Value.Start < b.Value.End).Select(b => b.Key));
        consumer.Assign(left.Select(p => new TopicPartitionOffset(p, bounds[p].Start)));
        while (left.Count > 0)
        {
            stopping.ThrowIfCancellationRequested();
            if (Consume(consumer) is not { } result) continue;
            var end = bounds[result.TopicPartition].End;
            if (result.IsPartitionEOF || result.Offset.Value >= end - 1) left.Remove(result.TopicPartition);
            if (!result.IsPartitionEOF && result.Offset.Value < end) yield return result;
        }
    }

    /// <summary>
    /// Queues an event for the topic it came from, with its original key, headers and bytes and the time of now. An event without
    /// a key goes to its original partition, or where that is gone to one by its number.
    /// </summary>
    /// <exception cref="IOException">An event queued before could not be written.</exception>
    public void Replay(StoredLetter stored, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(stored);
        var (letter, place) = (stored.Letter, (stored.Partition, stored.Offset));
        _producer ??= new ProducerBuilder<byte[]?, byte[]?>(
            configuration.Producer.Where(p => !p.Key.StartsWith("transaction", StringComparison.Ordinal))
                .Where(p => p.Key != "dotnet.producer.delivery.report.fields")).SetLogHandler((_, _) => { }).Build();
        var headers = new Headers();
        foreach (var header in letter.Headers) headers.Add(header.Key, header.Value);
        var message = new Message<byte[]?, byte[]?> { Key = letter.Key, Value = letter.Payload, Headers = headers };
        var target = new TopicPartition(letter.Topic, letter.Key is null ? PartitionOf(letter) : Partition.Any);
        while (true)
        {
            ThrowOnFailure();
            stopping.ThrowIfCancellationRequested();
            try
            {
                lock (_sync) _undelivered.Add(place); // before it can be reported; what is not queued is read again, too
                _producer.Produce(target, message, report => Reported(place, report.Error));
                Sent++;
                _positions[stored.Partition] = stored.Offset + 1;
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

    /// <summary>The partition that an event without a key goes to: topics that were made again may have fewer than before.</summary>
    private Partition PartitionOf(DeadLetter letter)
    {
        if (!_partitions.TryGetValue(letter.Topic, out var count))
        {
            try
            {
                using var admin = new DependentAdminClientBuilder(_producer!.Handle).Build();
                count = admin.GetMetadata(letter.Topic, s_request).Topics.Single().Partitions.Count;
            }
            catch (KafkaException)
            {
                count = 0; // not known: the delivery tells what is wrong
            }

            _partitions[letter.Topic] = count;
        }

        return count > 0 ? letter.Partition % count : letter.Partition;
    }

    /// <summary>Waits until everything queued is durable.</summary>
    /// <exception cref="IOException">An event could not be written.</exception>
    public void Flush(CancellationToken stopping)
    {
        _producer?.Flush(stopping);
        ThrowOnFailure();
    }

    /// <summary>Waits this long at most for what is queued, whatever becomes of it.</summary>
    public void Flush(TimeSpan limit) => _producer?.Flush(limit);

    /// <summary>Writes into the dead-letter topic which of its letters were replayed, so far as they are known to be delivered.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public void Mark(TimeSpan limit)
    {
        Dictionary<int, List<long>> delivered;
        lock (_sync)
        {
            delivered = new(_unmarked);
            _unmarked.Clear();
        }

        var topic = configuration.Kafka.DeadLetterTopic;
        var marks = delivered.SelectMany(d => ReplayMark.Of(d.Value).Select(m => (Place: new TopicPartition(topic, d.Key), Mark: m))).ToList();
        var written = 0;
        Error? failure = null;
        try
        {
            foreach (var (place, mark) in marks) _producer!.Produce(place, mark.ToMessage(), report => Written(report.Error));
        }
        catch (ProduceException<byte[]?, byte[]?> exception)
        {
            Written(exception.Error);
        }

        if (marks.Count > 0) _producer!.Flush(limit);
        if (Volatile.Read(ref written) < marks.Count) throw new IOException(Volatile.Read(ref failure)?.Reason ?? $"no answer in {limit.TotalSeconds:0} s");

        void Written(Error error)
        {
            if (error.IsError) Interlocked.CompareExchange(ref failure, error, null);
            else Interlocked.Increment(ref written);
        }
    }

    public void Dispose() => _producer?.Dispose();

    private void Reported((int Partition, long Offset) place, Error error)
    {
        lock (_sync)
        {
            if (error.IsError)
            {
                _failure ??= error;
                return;
            }

            _delivered++;
            _undelivered.Remove(place);
            if (!_unmarked.TryGetValue(place.Partition, out var offsets)) _unmarked[place.Partition] = offsets = [];
            offsets.Add(place.Offset);
        }
    }

    /// <summary>Where to begin in each partition, and the offset after its last message.</summary>
    private Dictionary<TopicPartition, (long Start, long End)> Bounds(
        IConsumer<byte[]?, byte[]?> consumer, long since, IReadOnlyDictionary<int, long> from)
    {
        var topic = configuration.Kafka.DeadLetterTopic;
        try
        {
            using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            var metadata = admin.GetMetadata(topic, s_request).Topics.Single();
            if (metadata.Error.IsError) throw new IOException($"The dead-letter topic {topic} cannot be read: {metadata.Error.Reason}");
            var marks = metadata.Partitions.Select(p => new TopicPartition(topic, p.PartitionId)).ToDictionary(p => p, p => consumer.QueryWatermarkOffsets(p, s_request));
            var timed = since > 0 ? FirstSince(consumer, since, [.. marks.Where(m => m.Value.High > m.Value.Low).Select(m => m.Key)]) : [];
            return marks.ToDictionary(m => m.Key, m =>
            {
                var (low, high) = (m.Value.Low.Value, m.Value.High.Value);
                var start = from.TryGetValue(m.Key.Partition.Value, out var given) ? given
                    : !timed.TryGetValue(m.Key, out var first) ? low
                    : first == Offset.End ? high : first.Value;
                return (Math.Clamp(start, low, high), high);
            });
        }
        catch (KafkaException exception)
        {
            throw new IOException($"The dead-letter topic {topic} at {configuration.Kafka.BootstrapServers} cannot be read: {exception.Error.Reason}", exception);
        }
    }

    /// <summary>Each partition's first message of a time or later, <see cref="Offset.End"/> where there is none; only those that the brokers can tell of.</summary>
    private static Dictionary<TopicPartition, Offset> FirstSince(IConsumer<byte[]?, byte[]?> consumer, long since, IReadOnlyList<TopicPartition> partitions)
    {
        var found = Ask(since, partitions);
        // The embedded cluster finds nothing by time; a partition with messages in it has one that is not older than the epoch.
        var none = found.Where(f => f.Value == Offset.End).Select(f => f.Key).ToList();
        foreach (var (partition, any) in Ask(0, none))
            if (any == Offset.End) found.Remove(partition);
        return found;

        Dictionary<TopicPartition, Offset> Ask(long time, IReadOnlyCollection<TopicPartition> of) => of.Count == 0 ? [] : consumer
            .OffsetsForTimes(of.Select(p => new TopicPartitionTimestamp(p, new(time, TimestampType.CreateTime))), s_request)
            .ToDictionary(o => o.TopicPartition, o => o.Offset);
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
