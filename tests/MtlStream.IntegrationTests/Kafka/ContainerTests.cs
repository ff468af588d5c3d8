using System.Text.Json;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Client and worker against the image of Apache Kafka as it is published, with the settings that Testcontainers gives it.</summary>
public sealed class ContainerTests(ContainerBroker broker) : IClassFixture<ContainerBroker>
{
    private const int Partitions = 2;

    [ContainerFact]
    public Task A_message_comes_back() =>
        MessageRoundtrip.AssertAsync(new() { ["bootstrap.servers"] = broker.BootstrapServers }, CompressionType.Gzip);

    [ContainerTheory]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("ExactlyOnce", "consumer")]
    public async Task A_worker_creates_its_topics_enriches_each_event_and_stops_with_0(string guarantee, string protocol)
    {
        var (input, output, letters, group) = (Topics.Unique("input"), Topics.Unique("output"), Topics.Unique("letters"), Topics.Unique("group"));
        using var topics = new Topics(broker.BootstrapServers);
        topics.Create([input], Partitions);
        for (var i = 0; i < 100; i++) topics.Write(new(input, i % Partitions), new() { Value = Topics.Bytes("{\"text\":\"so happy today\"}") });
        topics.Write(new(input, 0), new() { Value = Topics.Bytes("not json") });
        topics.Flush();
        using var worker = WorkerProcess.Start(
            new Dictionary<string, string>
            {
                ["Kafka:BootstrapServers"] = broker.BootstrapServers,
                ["Kafka:GroupId"] = group,
                ["Kafka:Consumer:group.protocol"] = protocol,
                ["Kafka:InputTopics:0"] = input,
                ["Kafka:OutputTopic"] = output,
                ["Kafka:DeadLetterTopic"] = letters,
                ["Kafka:CreateTopics"] = "true",
                ["Delivery:Guarantee"] = guarantee,
                ["Model:Device"] = "cpu",
            },
            WorkerProcess.ToyModel);

        await Wait.Until(() => topics.Committed(group, input, Partitions).Sum() >= 101, log: () => worker.Log);
        await worker.StopAsync();
        var enriched = topics.ReadAll(output);
        Assert.Equal(100, enriched.Count);
        Assert.All(enriched, e => Assert.True(JsonDocument.Parse(e.Message.Value!).RootElement.TryGetProperty("analysis", out _)));
        Assert.Equal("not json", Topics.Text(Assert.Single(topics.ReadAll(letters)).Message.Value));
    }
}
