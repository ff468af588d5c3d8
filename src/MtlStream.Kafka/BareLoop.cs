using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>
/// What the client alone can do: one thread that consumes an event and produces a payload as large as its result would be, with the
/// worker's own client settings, at least once.
/// </summary>
/// <param name="output">The topic of the payloads.</param>
public sealed class BareLoop(KafkaConfiguration clients, string output)
{
    private static readonly TimeSpan s_queueFull = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    private readonly List<byte[]?> _fillers = [];

    /// <summary>Runs over a topic from its start until <paramref name="done"/>. Blocks.</summary>
    /// <param name="added">Bytes by which a payload is larger than its event.</param>
    /// <param name="delivered">Called at each delivery report, on a thread of the client.</param>
    public void Run(string input, string group, int added, Action delivered, CancellationToken done)
    {
        var properties = new Dictionary<string, string>(clients.Consumer)
        {
            ["group.id"] = group,
            ["enable.auto.offset.store"] = "true",
            ["enable.auto.commit"] = "true",
        };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties).SetLogHandler((_, _) => { }).Build();
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(clients.Producer).SetLogHandler((_, _) => { }).Build();
        void Reported(DeliveryReport<byte[]?, byte[]?> report) => delivered();
        consumer.Subscribe(input);
        while (!done.IsCancellationRequested)
        {
            if (consumer.Consume(s_poll) is not { } received) continue;
            var filler = Filler((received.Message.Value?.Length ?? 0) + added);
            var message = new Message<byte[]?, byte[]?> { Key = received.Message.Key, Value = filler };
            while (!TryProduce(producer, message, Reported)) done.WaitHandle.WaitOne(s_queueFull);
        }

        consumer.Close();
        producer.Flush(CancellationToken.None);
    }

    private bool TryProduce(
        IProducer<byte[]?, byte[]?> producer, Message<byte[]?, byte[]?> message, Action<DeliveryReport<byte[]?, byte[]?>> reported)
    {
        try
        {
            producer.Produce(output, message, reported);
            return true;
        }
        catch (ProduceException<byte[]?, byte[]?> exception) when (exception.Error.Code == ErrorCode.Local_QueueFull)
        {
            return false;
        }
    }

    // Made once for each size: making payloads is no part of what is measured.
    private byte[] Filler(int length)
    {
        while (_fillers.Count <= length) _fillers.Add(null);
        return _fillers[length] ??= new byte[length];
    }
}
