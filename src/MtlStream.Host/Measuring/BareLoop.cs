using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Host.Measuring;

/// <summary>The least that a topic-to-topic worker does: consume, produce a payload of a given size, note the report. No decoding, no order, no commits.</summary>
internal static class BareLoop
{
    /// <param name="configuration">Its client properties are used as they are; of a transactional producer all but the transactions.</param>
    /// <param name="warmUp">Records that are not part of the rate.</param>
    /// <returns>Records per second.</returns>
    /// <exception cref="IOException">A record could not be produced.</exception>
    public static double Run(
        KafkaConfiguration configuration, string input, string output, int payloadBytes, int warmUp, int expected, TimeProvider time, CancellationToken stopping)
    {
        var settings = configuration.Producer.Where(p => !p.Key.StartsWith("transaction", StringComparison.Ordinal));
        using var producer = new ProducerBuilder<byte[]?, byte[]>(settings).SetLogHandler((_, _) => { }).Build();
        using var consumer = new ConsumerBuilder<byte[]?, byte[]>(configuration.Consumer).SetLogHandler((_, _) => { }).Build();
        consumer.Subscribe(input);
        var payload = new byte[payloadBytes];
        Array.Fill(payload, (byte)'x');
        var (reported, failed, started, ended) = (0L, 0, 0L, 0L);
        void Report(DeliveryReport<byte[]?, byte[]> report)
        {
            if (report.Error.IsError) Interlocked.Increment(ref failed);
            var count = Interlocked.Increment(ref reported);
            if (count == warmUp) Volatile.Write(ref started, time.GetTimestamp());
            if (count == expected) Volatile.Write(ref ended, time.GetTimestamp());
        }

        for (var consumed = 0; consumed < expected;)
        {
            stopping.ThrowIfCancellationRequested();
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is not { } record) continue;
            consumed++;
            var message = new Message<byte[]?, byte[]> { Key = record.Message.Key, Value = payload, Headers = record.Message.Headers, Timestamp = record.Message.Timestamp };
            while (true)
            {
                try
                {
                    producer.Produce(new TopicPartition(output, record.Partition), message, Report);
                    break;
                }
                catch (ProduceException<byte[]?, byte[]> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
                {
                    producer.Poll(TimeSpan.FromMilliseconds(10));
                }
            }
        }

        producer.Flush(stopping);
        consumer.Close();
        if (failed > 0) throw new IOException($"The bare loop could not produce {failed} of {expected} records.");
        return (expected - warmUp) / time.GetElapsedTime(started, ended).TotalSeconds;
    }
}
