using System.Globalization;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>An embedded cluster of three brokers with the topics of a worker: the protocol is real, the brokers are librdkafka's.</summary>
public abstract class EmbeddedAdapter : IDisposable
{
    private protected const int Partitions = 4;

    private protected readonly MockCluster _cluster = new(brokers: 3);
    private protected readonly Topics _topics;
    private protected readonly string _input = Topics.Unique("input");
    private protected readonly string _output = Topics.Unique("output");
    private protected readonly string _letters = Topics.Unique("letters");
    private protected readonly string _group = Topics.Unique("group");

    private protected EmbeddedAdapter()
    {
        TestLog.Begin();
        _topics = new(_cluster.BootstrapServers);
        foreach (var topic in new[] { _input, _output, _letters }) _cluster.CreateTopic(topic, Partitions, 3);
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected RelayWorker Worker(
        DeliveryGuarantee guarantee = DeliveryGuarantee.AtLeastOnce, Func<KafkaOptions, KafkaOptions>? with = null,
        Func<SourceRecord, OutboundRecord>? answer = null, DeliveryOptions? delivery = null)
    {
        var options = new KafkaOptions
        {
            BootstrapServers = _cluster.BootstrapServers,
            GroupId = _group,
            InputTopics = [_input],
            OutputTopic = _output,
            DeadLetterTopic = _letters,
            Consumer = new Dictionary<string, string> { ["session.timeout.ms"] = "3000" }, // as long as a rebalance of this cluster takes
        };
        return new(with?.Invoke(options) ?? options, (delivery ?? new() { CommitInterval = TimeSpan.FromMilliseconds(100) }) with { Guarantee = guarantee }, answer);
    }

    /// <summary>Every number below <paramref name="count"/> is there, in order within its source partition.</summary>
    private protected void AssertNumbers(int count, bool exact)
    {
        var read = _topics.ReadAll(_output);
        var numbers = read.Select(r => int.Parse(Topics.Text(r.Message.Value), CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(Enumerable.Range(0, count), numbers.Distinct().Order());
        if (exact) Assert.Equal(count, numbers.Count);
        foreach (var partition in numbers.Distinct().GroupBy(n => n % Partitions)) Assert.Equal(partition.Order(), partition);
    }
}
