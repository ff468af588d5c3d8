using System.Globalization;
using System.Text;
using MtlStream.Kafka;

namespace MtlStream.Host.Demo;

/// <summary>Plays the rest of the world: produces sample events, and reads back what the worker made of them.</summary>
internal sealed class DemoTraffic(KafkaConfiguration clients, DemoTally tally, TimeProvider time)
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

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    /// <param name="events">How many; null for no end.</param>
    /// <param name="rate">Events per second; 0 for as fast as they come back.</param>
    public async Task ProduceAsync(long? events, double rate, CancellationToken stopping)
    {
        var samples = new SampleEvents();
        using var writer = new EventWriter(clients, lingerMs: 1);
        var started = time.GetTimestamp();
        for (long number = 0; number < (events ?? long.MaxValue) && !stopping.IsCancellationRequested; number++)
        {
            if (!await WaitForTurnAsync(number, rate, started, stopping)) break;
            var key = number.ToString(CultureInfo.InvariantCulture);
            tally.Produced(key);
            while (!writer.TryWrite(InputTopic, Encoding.UTF8.GetBytes(key), samples.Payload(number), () => tally.NotProduced(key)))
                await Task.Delay(s_pause, time, CancellationToken.None); // the embedded broker answers as long as the process lives
        }

        writer.Flush(CancellationToken.None);
    }

    /// <summary>Reads both output topics from their start until <paramref name="done"/>. Blocks.</summary>
    public void Collect(CancellationToken done)
    {
        using var reader = new EventReader(clients, [OutputTopic, DeadLetterTopic], Partitions);
        while (!done.IsCancellationRequested)
        {
            if (reader.Read(s_poll) is { } found) tally.CameBack(Encoding.UTF8.GetString(found.Key!), found.Value, found.Topic == DeadLetterTopic);
        }
    }

    private async Task<bool> WaitForTurnAsync(long number, double rate, long started, CancellationToken stopping)
    {
        try
        {
            if (rate > 0 && TimeSpan.FromSeconds(number / rate) - time.GetElapsedTime(started) is { Ticks: > 0 } early)
                await Task.Delay(early, time, stopping);
            while (tally.Away >= MaxAway) await Task.Delay(s_pause, time, stopping);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
