using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>The clients of Confluent.Kafka behind the ports of a session.</summary>
internal sealed class KafkaClients(SessionContext context) : IKafkaClients
{
    public IConsumerPort NewConsumer(IConsumerEvents events)
    {
        var consumer = new ConsumerBuilder<byte[]?, byte[]?>(context.Configuration.Consumer)
            .SetPartitionsAssignedHandler((_, partitions) => events.Assigned(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => events.Revoked([.. partitions.Select(p => p.TopicPartition)]))
            .SetPartitionsLostHandler((_, partitions) => events.Lost([.. partitions.Select(p => p.TopicPartition)]))
            .SetOffsetsCommittedHandler((_, offsets) => events.Committed(offsets))
            .SetErrorHandler((_, error) => events.Failed(error))
            .SetStatisticsHandler((_, json) => events.Statistics(json))
            .SetLogHandler((_, line) => context.Logger.ClientLine("consumer", line.Facility, line.Message))
            .Build();
        consumer.Subscribe(context.Options.InputTopics);
        return new Consumer(consumer);
    }

    public IProducerPort NewProducer(IReadOnlyDictionary<string, string> properties) => new Producer(
        new ProducerBuilder<byte[]?, byte[]?>(properties)
            .SetErrorHandler((_, error) => context.Report("producer", error.Reason))
            .SetLogHandler((_, line) => context.Logger.ClientLine("producer", line.Facility, line.Message))
            .Build());

    private sealed class Consumer(IConsumer<byte[]?, byte[]?> client) : IConsumerPort
    {
        public string? MemberId => client.MemberId;

        public IConsumerGroupMetadata Group => client.ConsumerGroupMetadata;

        public ConsumeResult<byte[]?, byte[]?>? Consume(TimeSpan patience) => client.Consume(patience);

        public void Pause(IReadOnlyList<TopicPartition> partitions) => client.Pause(partitions);

        public void Resume(IReadOnlyList<TopicPartition> partitions) => client.Resume(partitions);

        public void Seek(TopicPartitionOffset to) => client.Seek(to);

        public void Store(TopicPartitionOffset offset) => client.StoreOffset(offset);

        public void Commit(IReadOnlyList<TopicPartitionOffset> offsets) => client.Commit(offsets);

        public IReadOnlyList<TopicPartitionOffset> Committed(IEnumerable<TopicPartition> partitions, TimeSpan patience) =>
            client.Committed(partitions, patience);

        public WatermarkOffsets Ends(TopicPartition partition) => client.GetWatermarkOffsets(partition);

        public WatermarkOffsets QueryEnds(TopicPartition partition, TimeSpan patience) => client.QueryWatermarkOffsets(partition, patience);

        public void Close() => client.Close();

        public void Dispose() => client.Dispose();
    }

    private sealed class Producer(IProducer<byte[]?, byte[]?> client) : IProducerPort
    {
        public void Produce(
            TopicPartition target, Message<byte[]?, byte[]?> message, Action<DeliveryReport<byte[]?, byte[]?>> reported) =>
            client.Produce(target, message, reported);

        public void LookAt(string topic, TimeSpan patience)
        {
            using var admin = new DependentAdminClientBuilder(client.Handle).Build();
            admin.GetMetadata(topic, patience);
        }

        public void InitTransactions(TimeSpan patience) => client.InitTransactions(patience);

        public void BeginTransaction() => client.BeginTransaction();

        public void SendOffsets(IReadOnlyList<TopicPartitionOffset> offsets, IConsumerGroupMetadata group, TimeSpan patience) =>
            client.SendOffsetsToTransaction(offsets, group, patience);

        public void CommitTransaction(TimeSpan patience) => client.CommitTransaction(patience);

        public void AbortTransaction(TimeSpan patience) => client.AbortTransaction(patience);

        public void Dispose() => client.Dispose();
    }
}
