using Confluent.Kafka;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Records as messages: which topic, which partition, what is sent. Counts what was delivered. Thread-safe.</summary>
internal sealed class OutboundMessages
{
    private static readonly Destination[] s_destinations = Enum.GetValues<Destination>();

    private readonly SessionContext _context;
    private readonly TopicPartition[] _byKey; // by destination: the topic, with the partition left to the key
    private readonly long[] _delivered = new long[s_destinations.Length];

    public OutboundMessages(SessionContext context)
    {
        _context = context;
        _byKey = [.. s_destinations.Select(d => new TopicPartition(TopicOf(d), Partition.Any))];
    }

    public string TopicOf(OutboundRecord record) => TopicOf(record.Destination);

    public TopicPartition TargetOf(OutboundRecord record)
    {
        if (record.Key is not null) return _byKey[(int)record.Destination];
        // Without a key the source partition decides, so that the events of one partition stay in one partition, in order.
        var topic = TopicOf(record);
        var partitions = _context.Topics.PartitionsOf(topic);
        return new(topic, partitions > 0 ? record.Source.Position.Partition % partitions : Partition.Any);
    }

    public static Message<byte[]?, byte[]?> MessageOf(OutboundRecord record)
    {
        var source = record.Source;
        var message = new Message<byte[]?, byte[]?> { Key = record.Key, Value = record.Payload, Headers = HeadersOf(record) };
        // A dead letter is of now: a topic that refuses the event's time, or deletes what is that old, must still take it, and keep it.
        if (source.Timestamp >= 0 && record.Destination != Destination.DeadLetters)
            message.Timestamp = new(source.Timestamp, TimestampType.CreateTime);
        return message;
    }

    /// <summary>Counts a record that is durable.</summary>
    public void Delivered(OutboundRecord record) => Interlocked.Increment(ref _delivered[(int)record.Destination]);

    /// <summary>Moves what was counted since the last call into the metrics.</summary>
    public void Count()
    {
        foreach (var destination in s_destinations)
        {
            var count = Interlocked.Exchange(ref _delivered[(int)destination], 0);
            if (count > 0 && destination != Destination.Nowhere) _context.Metrics.Sent(TopicOf(destination), count);
        }
    }

    private string TopicOf(Destination destination) => destination switch
    {
        Destination.Results => _context.Options.OutputTopic,
        Destination.DeadLetters => _context.Options.DeadLetterTopic,
        _ => _context.Options.ReviewTopic,
    };

    private static Headers? HeadersOf(OutboundRecord record)
    {
        if (record.Headers.Count == 0) return null;
        var headers = new Headers();
        foreach (var header in record.Headers) headers.Add(header.Key, header.Value);
        return headers;
    }
}
