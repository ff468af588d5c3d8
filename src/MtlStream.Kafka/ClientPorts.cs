using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>What a consumer tells of, on the thread that calls it and in the middle of that call.</summary>
internal interface IConsumerEvents
{
    /// <returns>Where to begin each; <see cref="Offset.Unset"/> for where the group has it, or else the client.</returns>
    IReadOnlyList<TopicPartitionOffset> Assigned(IReadOnlyList<TopicPartition> partitions);

    /// <summary>The partitions go when this returns: what is stored by then is committed for them.</summary>
    void Revoked(IReadOnlyList<TopicPartition> partitions);

    /// <summary>The partitions are another member's already.</summary>
    void Lost(IReadOnlyList<TopicPartition> partitions);

    void Committed(CommittedOffsets offsets);

    void Failed(Error error);

    void Statistics(string json);
}

/// <summary>What a session asks of its consumer: librdkafka's, or a double in the tests. For the poll thread alone.</summary>
internal interface IConsumerPort : IDisposable
{
    /// <summary>What the group calls it; null or empty before it has joined.</summary>
    string? MemberId { get; }

    IConsumerGroupMetadata Group { get; }

    /// <summary>The next message; null when none came in time.</summary>
    /// <exception cref="ConsumeException">A partition cannot be read now.</exception>
    ConsumeResult<byte[]?, byte[]?>? Consume(TimeSpan patience);

    void Pause(IReadOnlyList<TopicPartition> partitions);

    void Resume(IReadOnlyList<TopicPartition> partitions);

    void Seek(TopicPartitionOffset to);

    /// <summary>Notes an offset that the client commits in the background.</summary>
    void Store(TopicPartitionOffset offset);

    /// <summary>Commits at once, whatever is stored. Blocks until the group has answered, or the client gives up.</summary>
    /// <exception cref="KafkaException">The group does not take it.</exception>
    void Commit(IReadOnlyList<TopicPartitionOffset> offsets);

    /// <summary>What the group holds; negative offsets where it holds nothing.</summary>
    IReadOnlyList<TopicPartitionOffset> Committed(IEnumerable<TopicPartition> partitions, TimeSpan patience);

    /// <summary>First offset of a partition and the one after its last, as last seen; negative before.</summary>
    WatermarkOffsets Ends(TopicPartition partition);

    /// <summary>The same, asked of the brokers.</summary>
    /// <exception cref="KafkaException">They do not say in time.</exception>
    WatermarkOffsets QueryEnds(TopicPartition partition, TimeSpan patience);

    /// <summary>Revokes, commits what is stored, leaves the group.</summary>
    void Close();
}

/// <summary>What a session asks of its producer. Calls of transactions come from the poll thread alone.</summary>
internal interface IProducerPort : IDisposable
{
    /// <param name="reported">Called once, from a thread of the client's.</param>
    void Produce(TopicPartition target, Message<byte[]?, byte[]?> message, Action<DeliveryReport<byte[]?, byte[]?>> reported);

    /// <summary>Asks the brokers how many partitions a topic has.</summary>
    void LookAt(string topic, TimeSpan patience);

    void InitTransactions(TimeSpan patience);

    void BeginTransaction();

    void SendOffsets(IReadOnlyList<TopicPartitionOffset> offsets, IConsumerGroupMetadata group, TimeSpan patience);

    void CommitTransaction(TimeSpan patience);

    void AbortTransaction(TimeSpan patience);
}

/// <summary>Makes the clients of a session.</summary>
internal interface IKafkaClients
{
    /// <summary>A consumer that has subscribed to the input topics.</summary>
    IConsumerPort NewConsumer(IConsumerEvents events);

    IProducerPort NewProducer(IReadOnlyDictionary<string, string> properties);
}

/// <summary>What is known of the topics that are read and written.</summary>
internal interface IKnownTopics
{
    /// <summary>True once all that is needed was seen.</summary>
    bool OutputsFound { get; }

    /// <summary>Largest record batch that every output topic takes, in bytes; null when the broker does not say.</summary>
    int? SmallestMaxMessageBytes { get; }

    /// <summary>Largest record batch that an output topic takes, in bytes; null when the broker does not say.</summary>
    int? MaxMessageBytesOf(string topic);

    /// <summary>Number of partitions of an output topic as last seen, 0 before.</summary>
    int PartitionsOf(string topic);

    /// <summary>The brokers' id of a topic as last seen: another one once it was made again. Null when they do not say.</summary>
    string? IdOf(string topic);

    /// <summary>Has the brokers looked at now, and waits for it no longer than this.</summary>
    void LookAgain(TimeSpan limit);
}
