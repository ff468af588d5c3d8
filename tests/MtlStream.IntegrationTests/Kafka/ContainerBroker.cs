using Testcontainers.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Apache Kafka in a container, for all tests of a class; removed with it.</summary>
/// <remarks>Source: https://dotnet.testcontainers.org/modules/kafka/.</remarks>
public sealed class ContainerBroker : IAsyncLifetime
{
    /// <summary>The label by which <c>.ci/run</c> finds what an interrupted run has left.</summary>
    private const string Label = "mtlstream.test";

    /// <summary>The value of the label, where there is a Docker Engine that may be used.</summary>
    private static readonly string? s_run = Environment.GetEnvironmentVariable("MTLSTREAM_TEST_DOCKER") is { Length: > 0 } named ? named : null;

    private KafkaContainer? _container;

    /// <summary>Why there is none, or null.</summary>
    public static string? WhyNone => s_run is null ? "Set MTLSTREAM_TEST_DOCKER=1 where a Docker Engine has the image apache/kafka:4.3.1, or can get it." : null;

    /// <summary>Servers for <c>bootstrap.servers</c>.</summary>
    public string BootstrapServers => _container!.GetBootstrapAddress();

    /// <summary>Returns when the broker has started.</summary>
    public async Task InitializeAsync()
    {
        if (s_run is null) return; // every test is skipped
        _container = new KafkaBuilder("apache/kafka:4.3.1")
            .WithLabel(Label, s_run)
            .WithEnvironment("JAVA_TOOL_OPTIONS", "-Dorg.apache.logging.log4j.level=INFO") // a line of its log is waited for: also where an image logs errors alone
            .Build();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await _container.StartAsync(deadline.Token);
    }

    public async Task DisposeAsync()
    {
        if (_container is not null) await _container.DisposeAsync();
    }
}

/// <summary>A test that needs Kafka in a container; skipped, with the reason, where there is no Docker Engine.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerFactAttribute : FactAttribute
{
    public override string? Skip { get; set; } = ContainerBroker.WhyNone;
}

/// <summary>As <see cref="ContainerFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerTheoryAttribute : TheoryAttribute
{
    public override string? Skip { get; set; } = ContainerBroker.WhyNone;
}
