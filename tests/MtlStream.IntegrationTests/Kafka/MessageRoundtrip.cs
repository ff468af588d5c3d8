using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Whether a broker serves the native client at all.</summary>
internal static class MessageRoundtrip
{
    /// <summary>Writes a message to a new topic and reads it back.</summary>
    /// <param name="client">librdkafka settings with the servers and how to come to them.</param>
    public static async Task AssertAsync(Dictionary<string, string> client, CompressionType compression)
    {
        var payload = new string('x', 10_000);
        var topic = Topics.Unique("roundtrip");
        using var admin = new AdminClientBuilder(client).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = 1 }]);

        using var producer = new ProducerBuilder<string, string>(new ProducerConfig(client) { CompressionType = compression }).Build();
        await producer.ProduceAsync(topic, new() { Key = "k", Value = payload });
        using var consumer = new ConsumerBuilder<string, string>(
            new ConsumerConfig(client) { GroupId = "g", AutoOffsetReset = AutoOffsetReset.Earliest }).Build();
        consumer.Subscribe(topic);

        Assert.Equal(payload, consumer.Consume(TimeSpan.FromMinutes(2))?.Message.Value);
        consumer.Close();
    }
}
