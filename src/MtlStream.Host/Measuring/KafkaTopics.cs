using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace MtlStream.Host.Measuring;

/// <summary>Topics for one measurement, removed with it.</summary>
internal sealed class KafkaTopics : IAsyncDisposable
{
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(30);

    private readonly IAdminClient _admin;
    private readonly string _bootstrapServers;
    private readonly int _partitions;

    private KafkaTopics(IAdminClient admin, string bootstrapServers, int partitions)
    {
        (_admin, _bootstrapServers, _partitions) = (admin, bootstrapServers, partitions);
        var name = $"mtlstream-bench-{Guid.NewGuid().ToString("N")[..8]}";
        (Input, Output, DeadLetters, Copies, Paced) = (name + "-in", name + "-out", name + "-rejected", name + "-copies", name + "-paced");
    }

    public string Input { get; }
    public string Output { get; }
    public string DeadLetters { get; }

    /// <summary>Output of the bare loop.</summary>
    public string Copies { get; }

    /// <summary>Input at a rate, for latency.</summary>
    public string Paced { get; }

    /// <exception cref="IOException">The broker cannot be reached or does not let topics be created.</exception>
    public static async Task<KafkaTopics> CreateAsync(string bootstrapServers, int partitions)
    {
        var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrapServers }).SetLogHandler((_, _) => { }).Build();
        var topics = new KafkaTopics(admin, bootstrapServers, partitions);
        try
        {
            await admin.CreateTopicsAsync(
                topics.Names().Select(n => new TopicSpecification { Name = n, NumPartitions = partitions, ReplicationFactor = -1 }), new() { RequestTimeout = s_request });
            return topics;
        }
        catch (KafkaException exception)
        {
            admin.Dispose();
            throw new IOException($"The topics of the measurement cannot be created at {bootstrapServers}: {exception.Error.Reason}", exception);
        }
    }

    /// <summary>Produces the payloads, spread over the partitions; returns when all are durable.</summary>
    /// <param name="rate">Per second; 0 for as fast as possible.</param>
    public async Task FillAsync(string topic, IReadOnlyList<byte[]> payloads, double rate, TimeProvider time, CancellationToken stopping)
    {
        using var producer = new ProducerBuilder<string, byte[]>(new ProducerConfig
        {
            BootstrapServers = _bootstrapServers, EnableIdempotence = true, LingerMs = rate > 0 ? 1 : 20,
        }).SetLogHandler((_, _) => { }).Build();
        var (started, failures) = (time.GetTimestamp(), 0);
        for (var i = 0; i < payloads.Count && !stopping.IsCancellationRequested; i++)
        {
            if (rate > 0 && TimeSpan.FromSeconds(i / rate) - time.GetElapsedTime(started) is { Ticks: > 0 } early) await Task.Delay(early, time, stopping);
            var message = new Message<string, byte[]> { Key = i.ToString(CultureInfo.InvariantCulture), Value = payloads[i] };
            while (!TryProduce(producer, new(topic, i % _partitions), message, () => Interlocked.Increment(ref failures)))
                await Task.Delay(TimeSpan.FromMilliseconds(10), time, stopping);
        }

        producer.Flush(stopping);
        stopping.ThrowIfCancellationRequested();
        if (failures > 0) throw new IOException($"{failures} of {payloads.Count} input events could not be produced to {topic}.");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _admin.DeleteTopicsAsync(Names(), new() { RequestTimeout = s_request });
        }
        catch (KafkaException exception)
        {
            await Console.Error.WriteLineAsync($"mtlstream: the topics {Input[..^3]}-* could not be removed: {exception.Error.Reason}");
        }

        _admin.Dispose();
    }

    internal static bool TryProduce<TKey>(IProducer<TKey, byte[]> producer, TopicPartition to, Message<TKey, byte[]> message, Action failed)
    {
        try
        {
            producer.Produce(to, message, report =>
            {
                if (report.Error.IsError) failed();
            });
            return true;
        }
        catch (ProduceException<TKey, byte[]> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
        {
            return false;
        }
    }

    private string[] Names() => [Input, Output, DeadLetters, Copies, Paced];
}
