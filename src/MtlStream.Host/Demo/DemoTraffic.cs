using System.Globalization;
using Confluent.Kafka;

namespace MtlStream.Host.Demo;

/// <summary>Plays the rest of the world: produces sample events, and reads back what the worker made of them.</summary>
internal sealed class DemoTraffic(string bootstrapServers, DemoTally tally, TimeProvider time)
{
    public const string InputTopic = "demo-events";
    public const string OutputTopic = "demo-enriched";
    public const string DeadLetterTopic = "demo-rejected";
    public const int Partitions = 4;

    /// <summary>
    /// Most events on the way: enough to keep a CPU busy, few enough that their latency is not mostly waiting. The embedded
    /// broker keeps only the newest few MB of a partition besides.
    /// </summary>
    private const int MaxAway = 128;

    /// <param name="events">How many; null for no end.</param>
    /// <param name="rate">Events per second; 0 for as fast as they come back.</param>
    public async Task ProduceAsync(long? events, double rate, CancellationToken stopping)
    {
        var samples = new SampleEvents();
        using var producer = new ProducerBuilder<string, byte[]>(
            new ProducerConfig { BootstrapServers = bootstrapServers, LingerMs = 1, EnableIdempotence = true }).SetLogHandler((_, _) => { }).Build();
        var started = time.GetTimestamp();
        for (long number = 0; number < (events ?? long.MaxValue) && !stopping.IsCancellationRequested; number++)
        {
            if (!await WaitForTurnAsync(number, rate, started, stopping)) break;
            var key = number.ToString(CultureInfo.InvariantCulture);
            tally.Produced(key);
            producer.Produce(InputTopic, new() { Key = key, Value = samples.Payload(number) }, report =>
            {
                if (report.Error.IsError) tally.NotProduced(key);
            });
        }

        while (producer.Flush(TimeSpan.FromSeconds(1)) > 0)
        {
            // The embedded broker answers as long as the process lives.
        }
    }

    /// <summary>Reads both output topics from their start until <paramref name="done"/>. Blocks.</summary>
    public void Collect(CancellationToken done)
    {
        using var consumer = new ConsumerBuilder<string, byte[]>(new ConsumerConfig
        {
            BootstrapServers = bootstrapServers,
            GroupId = "demo-collector",
            EnableAutoCommit = false,
            FetchWaitMaxMs = 10,
            IsolationLevel = IsolationLevel.ReadCommitted,
        }).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(new[] { OutputTopic, DeadLetterTopic }.SelectMany(t => Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(t, p, Offset.Beginning))));
        while (!done.IsCancellationRequested)
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(50)) is not { } result) continue;
            tally.CameBack(result.Message.Key, result.Message.Value, result.Topic == DeadLetterTopic);
        }
    }

    private async Task<bool> WaitForTurnAsync(long number, double rate, long started, CancellationToken stopping)
    {
        try
        {
            if (rate > 0 && TimeSpan.FromSeconds(number / rate) - time.GetElapsedTime(started) is { Ticks: > 0 } early)
                await Task.Delay(early, time, stopping);
            while (tally.Away >= MaxAway) await Task.Delay(TimeSpan.FromMilliseconds(2), time, stopping);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
