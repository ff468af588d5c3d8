using Confluent.Kafka.Admin;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The native client, however it was come by, on a real broker: encryption, authentication, compression.</summary>
public sealed class RealKafkaTests
{
    [RealKafkaFact(containerWillDo: true)]
    public async Task A_message_comes_back()
    {
        await using var kafka = await RealKafka.StartAsync();

        await AssertComesBackAsync(new() { ["bootstrap.servers"] = kafka.BootstrapServers }, CompressionType.Gzip);
    }

    [RealKafkaTheory]
    [InlineData("PLAIN", CompressionType.Zstd)]
    [InlineData("SCRAM-SHA-512", CompressionType.Lz4)]
    public async Task A_message_comes_back_over_SASL_SSL(string mechanism, CompressionType compression)
    {
        using var kafka = RealKafka.Start(secure: true);

        await AssertComesBackAsync(new(kafka.SaslSsl(mechanism)), compression);
    }

    private static async Task AssertComesBackAsync(Dictionary<string, string> client, CompressionType compression)
    {
        var payload = new string('x', 10_000);
        using var admin = new AdminClientBuilder(client).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "t", NumPartitions = 1 }]);

        using var producer = new ProducerBuilder<string, string>(new ProducerConfig(client) { CompressionType = compression }).Build();
        await producer.ProduceAsync("t", new() { Key = "k", Value = payload });
        using var consumer = new ConsumerBuilder<string, string>(
            new ConsumerConfig(client) { GroupId = "g", AutoOffsetReset = AutoOffsetReset.Earliest }).Build();
        consumer.Subscribe("t");

        Assert.Equal(payload, consumer.Consume(TimeSpan.FromMinutes(2))?.Message.Value);
        consumer.Close();
    }
}
