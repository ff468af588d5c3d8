using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka.Admin;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Another client of the cluster: writes what a worker reads, reads what it writes, committed data only.</summary>
internal sealed class Topics(string bootstrapServers, IReadOnlyDictionary<string, string>? security = null) : IDisposable
{
    private readonly IProducer<byte[]?, byte[]?> _producer = new ProducerBuilder<byte[]?, byte[]?>(
        new Dictionary<string, string>(security ?? new Dictionary<string, string>())
        {
            ["bootstrap.servers"] = bootstrapServers,
            ["partitioner"] = "murmur2_random",
            ["message.max.bytes"] = "20000000",
            ["linger.ms"] = "5",
            ["enable.idempotence"] = "true",
        }).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build();

    private volatile Error? _failed;
    private int _unreported;

    public static string Unique(string name) => $"{name}-{Guid.NewGuid():N}";

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(byte[]? bytes) => bytes is null ? "<null>" : Encoding.UTF8.GetString(bytes);

    /// <param name="settings">Such as max.message.bytes.</param>
    public void Create(IEnumerable<string> names, int partitions, params (string Name, string Value)[] settings)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        var configs = settings.ToDictionary(s => s.Name, s => s.Value);
        admin.CreateTopicsAsync(names.Select(n => new TopicSpecification { Name = n, NumPartitions = partitions, ReplicationFactor = -1, Configs = configs }))
            .GetAwaiter().GetResult();
    }

    /// <summary>Makes topics with a partition on each broker, which alone has it: partition 0 on broker 1, and so on.</summary>
    public void CreateOnEach(IEnumerable<string> names, int brokers)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        var replicas = Enumerable.Range(0, brokers).ToDictionary(partition => partition, partition => new List<int> { partition + 1 });
        admin.CreateTopicsAsync(names.Select(n => new TopicSpecification { Name = n, NumPartitions = brokers, ReplicationFactor = -1, ReplicasAssignments = replicas }))
            .GetAwaiter().GetResult();
    }

    public async Task DeleteAsync(string topic)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        await admin.DeleteTopicsAsync([topic]);
    }

    /// <summary>Deletes what is in the first partition, up to an offset.</summary>
    public async Task DeleteRecordsAsync(string topic, long before)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        await admin.DeleteRecordsAsync([new(topic, 0, before)]);
    }

    public async Task SetAsync(string topic, string setting, string value)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        await admin.IncrementalAlterConfigsAsync(new()
        {
            [new() { Type = ResourceType.Topic, Name = topic }] = [new() { Name = setting, Value = value, IncrementalOperation = AlterConfigOpType.Set }],
        });
    }

    public async Task GrowAsync(string topic, int partitions)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        await admin.CreatePartitionsAsync([new() { Topic = topic, IncreaseTo = partitions }]);
    }

    public int PartitionCount(string topic) => Partitions(topic).Count;

    /// <summary>Whether a broker leads a partition.</summary>
    public bool HasLeader(string topic, int partition) => Partitions(topic).Single(p => p.PartitionId == partition).Leader > 0;

    private List<PartitionMetadata> Partitions(string topic)
    {
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        return admin.GetMetadata(topic, TimeSpan.FromMinutes(1)).Topics.Single().Partitions;
    }

    /// <summary>Writes payloads "0", "1", ... round robin over the partitions; the key is the partition's number.</summary>
    public void WriteNumbers(string topic, int partitions, int count, int from = 0)
    {
        for (var i = from; i < from + count; i++)
        {
            var partition = i % partitions;
            Write(new(topic, partition), new() { Key = Bytes($"k{partition}"), Value = Bytes(i.ToString(CultureInfo.InvariantCulture)) });
        }

        Flush();
    }

    public void Write(TopicPartition to, Message<byte[]?, byte[]?> message)
    {
        while (true)
        {
            try
            {
                Interlocked.Increment(ref _unreported);
                _producer.Produce(to, message, Note);
                return;
            }
            catch (ProduceException<byte[]?, byte[]?> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
            {
                Interlocked.Decrement(ref _unreported);
                _producer.Flush(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    /// <summary>Waits until everything is written; fails when something was not.</summary>
    public void Flush()
    {
        Assert.Equal(0, _producer.Flush(TimeSpan.FromSeconds(120)));
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _unreported) == 0, TimeSpan.FromMinutes(2))); // the last report may still be on its way
        Assert.Null(_failed);
    }

    private void Note(DeliveryReport<byte[]?, byte[]?> report)
    {
        if (report.Error.IsError) _failed ??= report.Error;
        Interlocked.Decrement(ref _unreported);
    }

    /// <summary>Reads until <paramref name="enough"/> says so; fails after <paramref name="deadline"/> with what was read.</summary>
    public List<ConsumeResult<byte[]?, byte[]?>> Read(
        string topic, Func<List<ConsumeResult<byte[]?, byte[]?>>, bool> enough, TimeSpan? deadline = null)
    {
        using var consumer = Reader(topic);
        var read = new List<ConsumeResult<byte[]?, byte[]?>>();
        var until = Environment.TickCount64 + (long)(deadline ?? TimeSpan.FromMinutes(2)).TotalMilliseconds;
        while (!enough(read))
        {
            if (Environment.TickCount64 > until) Assert.Fail($"Only {read.Count} messages of {topic} came in time.");
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is { IsPartitionEOF: false } result) read.Add(result);
        }

        return read;
    }

    public List<ConsumeResult<byte[]?, byte[]?>> Read(string topic, int count, TimeSpan? deadline = null) =>
        Read(topic, read => read.Count >= count, deadline);

    /// <summary>Everything that is there now.</summary>
    public List<ConsumeResult<byte[]?, byte[]?>> ReadAll(string topic)
    {
        var read = new List<ConsumeResult<byte[]?, byte[]?>>();
        ReadEach(topic, read.Add);
        return read;
    }

    /// <summary>
    /// As <see cref="ReadAll"/>, keeping nothing. A transaction that a killed worker left open hides what comes behind it until the
    /// broker aborts it: that is waited for.
    /// </summary>
    public void ReadEach(string topic, Action<ConsumeResult<byte[]?, byte[]?>> take)
    {
        using var consumer = Reader(topic);
        var open = Ends(consumer.Assignment);
        while (open.Count > 0)
        {
            var result = consumer.Consume(TimeSpan.FromMinutes(2)) ?? throw new TimeoutException($"The end of {topic} was not reached.");
            if (!result.IsPartitionEOF) take(result);
            else if (open.TryGetValue(result.TopicPartition, out var end) && result.Offset.Value >= end) open.Remove(result.TopicPartition);
        }
    }

    /// <summary>Where each partition ends, open transactions included.</summary>
    private Dictionary<TopicPartition, long> Ends(IEnumerable<TopicPartition> partitions)
    {
        var everything = new Dictionary<string, string>(Properties(Unique("ends"))) { ["isolation.level"] = "read_uncommitted" };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(everything).SetLogHandler((_, _) => { }).Build();
        return partitions.ToDictionary(p => p, p => consumer.QueryWatermarkOffsets(p, TimeSpan.FromMinutes(1)).High.Value);
    }

    /// <summary>The group's committed offset per partition of a topic; -1001 where there is none.</summary>
    public IReadOnlyList<long> Committed(string group, string topic, int partitions)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(Properties(group)).SetLogHandler((_, _) => { }).Build();
        var since = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return [.. consumer.Committed(Enumerable.Range(0, partitions).Select(p => new TopicPartition(topic, p)), TimeSpan.FromMinutes(1))
                    .OrderBy(o => o.Partition.Value).Select(o => o.Offset.Value)];
            }
            catch (KafkaException exception) when (
                exception.Error.Code is ErrorCode.NotCoordinatorForGroup or ErrorCode.GroupLoadInProgress && since.Elapsed < TimeSpan.FromMinutes(1))
            {
                Thread.Sleep(50); // the group's coordinator is just moving in: a later request finds it
            }
        }
    }

    public void Dispose() => _producer.Dispose();

    private IConsumer<byte[]?, byte[]?> Reader(string topic)
    {
        var consumer = new ConsumerBuilder<byte[]?, byte[]?>(Properties(Unique("reader"))).SetLogHandler((_, _) => { }).Build();
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        var partitions = admin.GetMetadata(topic, TimeSpan.FromMinutes(1)).Topics.Single().Partitions;
        consumer.Assign(partitions.Select(p => new TopicPartitionOffset(topic, p.PartitionId, Offset.Beginning)));
        return consumer;
    }

    private Dictionary<string, string> Properties(string group) => new(security ?? new Dictionary<string, string>())
    {
        ["bootstrap.servers"] = bootstrapServers,
        ["group.id"] = group,
        ["isolation.level"] = "read_committed",
        ["enable.partition.eof"] = "true",
        ["enable.auto.commit"] = "false",
        ["fetch.message.max.bytes"] = "20000000",
    };
}
