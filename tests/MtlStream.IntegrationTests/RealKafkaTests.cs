using Confluent.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>The native client, however it was come by, on a real broker: encryption, authentication, compression.</summary>
public sealed class RealKafkaTests
{
    [RealKafkaFact]
    public async Task A_message_comes_back()
    {
        await using var kafka = await RealKafka.StartAsync();
        await kafka.CreateTopicAsync("t", partitions: 1);

        await AssertComesBackAsync(new() { ["bootstrap.servers"] = kafka.BootstrapServers }, CompressionType.Gzip);
    }

    [RealKafkaTheory(scriptOnly: true)]
    [InlineData("PLAIN", CompressionType.Zstd)]
    [InlineData("SCRAM-SHA-512", CompressionType.Lz4)]
    public async Task A_message_comes_back_over_SASL_SSL(string mechanism, CompressionType compression)
    {
        await using var kafka = await RealKafka.StartAsync(secure: true, mechanism: mechanism);
        await kafka.CreateTopicAsync("t", partitions: 1);

        await AssertComesBackAsync(new(kafka.Security), compression);
    }

    private static async Task AssertComesBackAsync(Dictionary<string, string> client, CompressionType compression)
    {
        var payload = new string('x', 10_000);

        using var producer = new ProducerBuilder<string, string>(new ProducerConfig(client) { CompressionType = compression }).Build();
        await producer.ProduceAsync("t", new() { Key = "k", Value = payload });
        using var consumer = new ConsumerBuilder<string, string>(
            new ConsumerConfig(client) { GroupId = "g", AutoOffsetReset = AutoOffsetReset.Earliest }).Build();
        consumer.Subscribe("t");

        Assert.Equal(payload, consumer.Consume(TimeSpan.FromMinutes(2))?.Message.Value);
        consumer.Close();
    }
}
