using System.Globalization;
using Confluent.Kafka;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Which messages the producer may put into one batch: a broker refuses a batch as a whole, whichever message is to blame.</summary>
/// <remarks>
/// A message is refused for good only when it was alone. Where the topics' limits can be read, batches are kept below them;
/// where they cannot, or a message is invalid, everything is sent alone for a while after a refusal, and a batch that was too
/// large is half as large afterwards. Settings change with the producer only: the owner makes it anew when that is due.
/// Thread-safe.
/// </remarks>
internal sealed class BatchPolicy(KafkaConfiguration configuration, IKnownTopics topics, TimeProvider time)
{
    private const string BatchSize = "batch.size", BatchMessages = "batch.num.messages";
    private const int DefaultBatchBytes = 1_000_000; // librdkafka's, https://github.com/confluentinc/librdkafka/blob/v2.15.1/CONFIGURATION.md
    private const int RoomForHeader = 512;

    private readonly bool _alwaysAlone = configuration.Producer.TryGetValue(BatchMessages, out var most) && most == "1";
    private readonly Lock _lock = new();
    private int? _mostBytes;
    private int _batchBytes;
    private bool _alone;
    private bool _aloneNext;
    private long _refused;

    /// <summary>How long after a refusal everything is sent alone.</summary>
    public static TimeSpan AloneFor { get; } = TimeSpan.FromMinutes(1);

    /// <summary>True when the producer has to be made anew.</summary>
    public bool IsDue
    {
        get
        {
            lock (_lock)
            {
                if (_alone && time.GetElapsedTime(_refused) > AloneFor) _aloneNext = false;
                return _alone != _aloneNext;
            }
        }
    }

    /// <summary>The properties of the next producer.</summary>
    public Dictionary<string, string> Next()
    {
        var properties = new Dictionary<string, string>(configuration.Producer);
        lock (_lock)
        {
            var asked = properties.TryGetValue(BatchSize, out var set) && int.TryParse(set, CultureInfo.InvariantCulture, out var bytes) ? bytes
                : topics.SmallestMaxMessageBytes - RoomForHeader ?? DefaultBatchBytes;
            _batchBytes = Math.Clamp(asked, 1, Math.Min(_mostBytes ?? int.MaxValue, set is null ? DefaultBatchBytes : int.MaxValue));
            properties[BatchSize] = _batchBytes.ToString(CultureInfo.InvariantCulture);
            _alone = _aloneNext;
            if (_alone) properties[BatchMessages] = "1";
        }

        return properties;
    }

    /// <summary>Whether a message that was refused may have had others with it in its batch.</summary>
    public bool MayShareBatch(OutboundRecord record)
    {
        lock (_lock) return !_alone && !_alwaysAlone && DeliveryErrors.SizeOf(record) <= _batchBytes;
    }

    /// <summary>Notes that a batch was refused, not known because of which message.</summary>
    /// <returns>True for the first of the batch's messages.</returns>
    public bool BatchRefused(ErrorCode error)
    {
        lock (_lock)
        {
            if (_aloneNext) return false;
            (_aloneNext, _refused) = (true, time.GetTimestamp());
            if (DeliveryErrors.IsTooLarge(error)) _mostBytes = Math.Max(1, _batchBytes / 2);
            return true;
        }
    }
}
