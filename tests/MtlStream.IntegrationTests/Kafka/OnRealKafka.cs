using System.Globalization;
using System.Text.Json;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>A test on a real Kafka: topics and a group of its own there, and workers that end with it.</summary>
public abstract class OnRealKafka : IDisposable
{
    private protected readonly RealKafka _kafka;
    private protected readonly Topics _topics;
    private protected readonly string _input = Topics.Unique("input");
    private protected readonly string _output = Topics.Unique("output");
    private protected readonly string _letters = Topics.Unique("letters");
    private protected readonly string _group = Topics.Unique("group");
    private readonly List<WorkerProcess> _workers = [];

    /// <param name="partitions">Of the three topics; 0 where the test itself makes them.</param>
    /// <param name="kafka">One that the test may stop; null for the one that tests share.</param>
    private protected OnRealKafka(int partitions = 0, RealKafka? kafka = null)
    {
        TestLog.Begin();
        _kafka = kafka ?? RealKafka.Shared;
        _topics = new(_kafka.BootstrapServers);
        if (partitions > 0) _topics.Create([_input, _output, _letters], partitions);
    }

    public void Dispose()
    {
        foreach (var worker in _workers) worker.Dispose();
        _topics.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected WorkerProcess Start(string guarantee, string protocol = "classic") => Start(Settings(guarantee, protocol));

    private protected WorkerProcess Start(Dictionary<string, string> settings, string? model = null) => Started(WorkerProcess.Start(settings, model));

    /// <summary>Ends a worker with the test.</summary>
    private protected WorkerProcess Started(WorkerProcess worker)
    {
        _workers.Add(worker);
        return worker;
    }

    private protected Dictionary<string, string> Settings(string guarantee, string protocol = "classic")
    {
        var settings = new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = _kafka.BootstrapServers,
            ["Kafka:GroupId"] = _group,
            ["Kafka:InputTopics:0"] = _input,
            ["Kafka:OutputTopic"] = _output,
            ["Kafka:DeadLetterTopic"] = _letters,
            ["Delivery:Guarantee"] = guarantee,
        };
        foreach (var (name, value) in Group(protocol)) settings[$"Kafka:Consumer:{name}"] = value;
        return settings;
    }

    private protected RelayWorker Worker(
        string protocol, Dictionary<string, string>? consumer = null, DeliveryGuarantee guarantee = DeliveryGuarantee.AtLeastOnce,
        Dictionary<string, string>? producer = null) => new(
            Options(new([.. Group(protocol), .. consumer ?? []]), producer),
            new() { Guarantee = guarantee, CommitInterval = TimeSpan.FromMilliseconds(100) });

    private protected KafkaOptions Options(Dictionary<string, string>? consumer = null, Dictionary<string, string>? producer = null) => new()
    {
        BootstrapServers = _kafka.BootstrapServers,
        GroupId = _group,
        InputTopics = [_input],
        OutputTopic = _output,
        DeadLetterTopic = _letters,
        Consumer = consumer ?? [],
        Producer = producer ?? [],
    };

    /// <summary>The committed offsets of all partitions of a topic, the input unless named, added up.</summary>
    private protected long Committed(int partitions, string? topic = null) =>
        _topics.Committed(_group, topic ?? _input, partitions).Sum(o => Math.Max(0, o));

    /// <summary>Writes events with the numbers from <paramref name="from"/> on to the partitions in turn.</summary>
    private protected void WriteEvents(string topic, int from, int count, int partitions)
    {
        for (var id = from; id < from + count; id++) _topics.Write(new(topic, id % partitions), new() { Value = Event(id) });
        _topics.Flush();
    }

    private protected static byte[] Event(int id) =>
        Topics.Bytes($"{{\"id\":{id.ToString(CultureInfo.InvariantCulture)},\"text\":\"event {id}\"}}");

    private protected static int IdOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        using var json = JsonDocument.Parse(result.Message.Value!);
        return json.RootElement.GetProperty("id").GetInt32();
    }

    /// <summary>Every event below <paramref name="count"/> is in the output, in the order of its partition.</summary>
    private protected void AssertEvents(int count, bool exact)
    {
        var read = _topics.ReadAll(_output);
        var ids = read.Select(IdOf).ToList();
        Assert.Equal(Enumerable.Range(0, count), ids.Distinct().Order());
        if (exact) Assert.Equal(count, ids.Count);
        foreach (var partition in read.GroupBy(r => r.Partition))
        {
            var first = partition.Select(IdOf).Distinct().ToList();
            Assert.Equal(first.Order(), first);
        }
    }

    // Members of the classic protocol hear of a rebalance by their next heartbeat; the brokers set that of the other one.
    private static Dictionary<string, string> Group(string protocol) => protocol == "classic"
        ? new() { ["group.protocol"] = protocol, ["heartbeat.interval.ms"] = "300" }
        : new() { ["group.protocol"] = protocol };
}
