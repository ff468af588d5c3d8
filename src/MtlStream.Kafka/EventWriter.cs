using System.Globalization;
using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>Writes events with the worker's client settings but without transactions, as programs around a worker do. Thread-safe.</summary>
public sealed class EventWriter : IDisposable
{
    private static readonly TimeSpan s_flush = TimeSpan.FromMilliseconds(200);

    private readonly IProducer<byte[]?, byte[]?> _producer;
    private long _failed;

    /// <param name="lingerMs">How long an event may wait for others to go with.</param>
    public EventWriter(KafkaConfiguration clients, int lingerMs)
    {
        ArgumentNullException.ThrowIfNull(clients);
        var properties = new Dictionary<string, string>(clients.Producer)
        {
            ["linger.ms"] = lingerMs.ToString(CultureInfo.InvariantCulture),
        };
        properties.Remove("transactional.id");
        properties.Remove("transaction.timeout.ms");
        _producer = new ProducerBuilder<byte[]?, byte[]?>(properties).SetLogHandler((_, _) => { }).Build();
    }

    /// <summary>Events that the broker did not take.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Queues an event.</summary>
    /// <param name="failed">Told when the broker does not take it, on a thread of the client.</param>
    /// <returns>False when the client's queue is full: try again a little later.</returns>
    public bool TryWrite(string topic, byte[]? key, byte[]? value, Action? failed = null)
    {
        try
        {
            _producer.Produce(topic, new() { Key = key, Value = value }, report =>
            {
                if (!report.Error.IsError) return;
                Interlocked.Increment(ref _failed);
                failed?.Invoke();
            });
            return true;
        }
        catch (ProduceException<byte[]?, byte[]?> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
        {
            return false;
        }
    }

    /// <summary>Blocks until everything queued was taken or refused.</summary>
    public void Flush(CancellationToken stopping)
    {
        while (_producer.Flush(s_flush) > 0) stopping.ThrowIfCancellationRequested();
    }

    public void Dispose() => _producer.Dispose();
}
