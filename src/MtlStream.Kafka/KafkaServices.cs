using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;

namespace MtlStream.Kafka;

/// <summary>Kafka as the transport of a host.</summary>
public static class KafkaServices
{
    /// <summary>Adds a <see cref="TransportFactory"/> whose transports all tell one status and one set of metrics.</summary>
    public static IServiceCollection AddKafkaTransport(this IServiceCollection services, KafkaConfiguration configuration) => services
        .AddSingleton<KafkaStatus>()
        .AddSingleton<KafkaMetrics>()
        .AddSingleton<TransportFactory>(provider => () => new KafkaConnection(
            configuration, provider.GetRequiredService<KafkaStatus>(), provider.GetRequiredService<KafkaMetrics>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILoggerFactory>()));
}
