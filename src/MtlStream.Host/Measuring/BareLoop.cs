using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Host.Measuring;

/// <summary>
/// What the client alone can do: one thread that consumes an event and produces a payload as large as its result would be, with the
/// worker's own client settings, at least once.
/// </summary>
internal sealed class BareLoop(KafkaConfiguration clients, BenchTopics topics, TimeProvider time)
{
    private static readonly TimeSpan s_queueFull = TimeSpan.FromMilliseconds(1);

    private readonly List<byte[]?> _fillers = [];

    /// <summary>Runs over a topic from its start.</summary>
    /// <param name="input">The topic, and what fills it meanwhile.</param>
    /// <param name="added">Bytes by which a result is larger than its event.</param>
    /// <returns>The delivery reports, over time.</returns>
    public async Task<RateMeter> RunAsync((string Topic, Func<RateMeter, Task> Fill) input, long count, int added, string group, CancellationToken stopping)
    {
        var delivered = new RateMeter(time);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var loop = Task.Factory.StartNew(() => Loop(delivered, input.Topic, added, group, done.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            var meanwhile = input.Fill(delivered);
            await delivered.WatchAsync(count, loop, stopping);
            await meanwhile;
        }
        finally
        {
            await done.CancelAsync();
        }

        await loop;
        return delivered;
    }

    private void Loop(RateMeter delivered, string input, int added, string group, CancellationToken done)
    {
        var properties = new Dictionary<string, string>(clients.Consumer)
        {
            ["group.id"] = group,
            ["enable.auto.offset.store"] = "true",
            ["enable.auto.commit"] = "true",
        };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties).SetLogHandler((_, _) => { }).Build();
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(clients.Producer).SetLogHandler((_, _) => { }).Build();
        void Reported(DeliveryReport<byte[]?, byte[]?> report) => delivered.Add();
        consumer.Subscribe(input);
        while (!done.IsCancellationRequested)
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(20)) is not { } received) continue;
            var message = new Message<byte[]?, byte[]?> { Key = received.Message.Key, Value = Filler((received.Message.Value?.Length ?? 0) + added) };
            while (!TryProduce(producer, message, Reported)) done.WaitHandle.WaitOne(s_queueFull);
        }

        consumer.Close();
        producer.Flush(CancellationToken.None);
    }

    private bool TryProduce(IProducer<byte[]?, byte[]?> producer, Message<byte[]?, byte[]?> message, Action<DeliveryReport<byte[]?, byte[]?>> reported)
    {
        try
        {
            producer.Produce(topics.Copies, message, reported);
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
