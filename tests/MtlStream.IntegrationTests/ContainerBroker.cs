using Testcontainers.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>
/// Apache Kafka in a container, for machines with Docker. Compiled only where <c>Testcontainers.Kafka</c> restores
/// (<c>.github/workflows/integration.yml</c>).
/// </summary>
/// <remarks>Source: https://dotnet.testcontainers.org/modules/kafka/.</remarks>
internal sealed class ContainerBroker : IAsyncDisposable
{
    private readonly KafkaContainer _container = new KafkaBuilder("apache/kafka:4.3.1").Build();

    private ContainerBroker()
    {
    }

    /// <summary>Servers for <c>bootstrap.servers</c>.</summary>
    public string BootstrapServers => _container.GetBootstrapAddress();

    /// <summary>Returns when the broker takes requests.</summary>
    public static async Task<ContainerBroker> StartAsync()
    {
        var broker = new ContainerBroker();
        await broker._container.StartAsync();
        return broker;
    }

    public ValueTask DisposeAsync() => _container.DisposeAsync();
}
