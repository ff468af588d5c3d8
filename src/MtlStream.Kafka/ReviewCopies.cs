using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Sends copies for review by a producer of its own: they may be lost, and must never hold up a result.</summary>
/// <remarks>
/// Not in the transactions of exactly once: a message that fails takes its transaction with it. So a copy may come although its
/// result comes again. Thread-safe.
/// </remarks>
internal sealed class ReviewCopies(SessionContext context, IKafkaClients clients, OutboundMessages messages) : IDisposable
{
    private static readonly TimeSpan s_lastWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);

    // Small: what waits for a topic that takes nothing is memory. Given up after a while, so that it ends.
    private static readonly Dictionary<string, string> s_properties = new()
    {
        ["message.timeout.ms"] = "10000",
        ["queue.buffering.max.kbytes"] = "8192",
        ["queue.buffering.max.messages"] = "10000",
    };

    private readonly Lock _lock = new();
    private readonly RepeatedLines _limiter = new(context.Time);
    private IProducerPort? _producer;
    private bool _disposed;
    private int _unreported;

    /// <summary>Queues a copy, or drops it; never waits.</summary>
    public void Publish(OutboundRecord record, PublishReport reported)
    {
        if (TrySend(record, reported) is not { } error) return;
        NoteLost(error);
        reported(record, PublishOutcome.Dropped);
    }

    /// <summary>Waits a little for what is on its way.</summary>
    public async Task FlushAsync(CancellationToken abort)
    {
        var since = context.Time.GetTimestamp();
        while (Volatile.Read(ref _unreported) > 0 && context.Time.GetElapsedTime(since) < s_lastWait)
            await Task.Delay(s_look, context.Time, abort);
    }

    /// <summary>Has the next copy sent by another producer. Those that this one holds are lost.</summary>
    public void Renew(string reason)
    {
        lock (_lock)
        {
            _producer?.Dispose();
            _producer = null;
            if (Interlocked.Exchange(ref _unreported, 0) > 0) NoteLost(new(ErrorCode.Local_Outdated, reason));
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _producer?.Dispose();
            _producer = null;
        }
    }

    /// <summary>Null when the client has taken it.</summary>
    private Error? TrySend(OutboundRecord record, PublishReport reported)
    {
        lock (_lock)
        {
            if (_disposed) return new(ErrorCode.Local_Destroy);
            Interlocked.Increment(ref _unreported);
            try
            {
                _producer ??= clients.NewProducer(Properties());
                _producer.Produce(
                    messages.TargetOf(record), OutboundMessages.MessageOf(record), report => Reported(record, reported, report.Error));
                return null;
            }
            catch (KafkaException exception)
            {
                Interlocked.Decrement(ref _unreported);
                return exception.Error;
            }
        }
    }

    private void Reported(OutboundRecord record, PublishReport reported, Error error)
    {
        try
        {
            if (error.IsError) NoteLost(error);
            else messages.Delivered(record);
            reported(record, error.IsError ? PublishOutcome.Dropped : PublishOutcome.Durable);
        }
        finally
        {
            Interlocked.Decrement(ref _unreported);
        }
    }

    private void NoteLost(Error error)
    {
        context.Metrics.SendFailed(context.Options.ReviewTopic, error.Code.ToString());
        if (_limiter.TryTake(error.Reason, out var times))
            context.Logger.ReviewCopyLost(context.Options.ReviewTopic, RepeatedLines.WithCount(error.Reason, times));
    }

    private Dictionary<string, string> Properties()
    {
        var properties = context.Configuration.Producer
            .Where(p => !p.Key.StartsWith("transaction", StringComparison.Ordinal)).ToDictionary(p => p.Key, p => p.Value);
        foreach (var (name, value) in s_properties) properties[name] = value;
        return properties;
    }
}
