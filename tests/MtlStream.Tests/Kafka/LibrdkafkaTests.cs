using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class LibrdkafkaTests
{
    [Fact]
    public void The_embedded_broker_and_the_clients_are_of_one_library()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var cluster = new MockCluster();
        using var client = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = cluster.BootstrapServers }).Build();

        Assert.Single(client.GetMetadata(TimeSpan.FromMinutes(2)).Brokers);

        var loaded = File.ReadLines("/proc/self/maps").Select(line => line[(line.LastIndexOf(' ') + 1)..]).Where(file => file.Contains("librdkafka", StringComparison.Ordinal));
        Assert.Single(loaded.Distinct());
    }
}
