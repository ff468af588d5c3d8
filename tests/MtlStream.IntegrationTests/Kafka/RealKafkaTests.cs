using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The native client, however it was come by, on a real broker: encryption, authentication, compression.</summary>
public sealed class RealKafkaTests
{
    [RealKafkaTheory]
    [InlineData("PLAIN", CompressionType.Zstd)]
    [InlineData("SCRAM-SHA-512", CompressionType.Lz4)]
    public Task A_message_comes_back_over_SASL_SSL(string mechanism, CompressionType compression) =>
        MessageRoundtrip.AssertAsync(new(RealKafka.Shared.SaslSsl(mechanism)), compression);
}
