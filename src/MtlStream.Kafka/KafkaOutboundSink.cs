using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Publishes results and dead letters: at least once behind an idempotent producer, exactly once inside transactions.</summary>
/// <remarks>
/// Anyone may publish; transactions are committed and aborted by the poll thread of <see cref="KafkaEventSource"/> alone, and
/// while it does so the gate is closed: publishing waits.
/// </remarks>
public sealed partial class KafkaOutboundSink : IOutboundSink
{
    private static readonly TimeSpan s_clientFull = TimeSpan.FromMilliseconds(5);

    private readonly KafkaConfiguration _configuration;
    private readonly KafkaOptions _options;
    private readonly AssignmentTable _table;
    private readonly TopicWatch _topics;
    private readonly KafkaMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly bool _compresses;
    private readonly TopicPartition[] _byKey; // by destination: the topic, with the partition left to the key
    private readonly BatchPolicy _batches;

    private readonly Lock _gate = new();
    private IProducer<byte[]?, byte[]?>? _producer;
    private bool _open;
    private TaskCompletionSource _opened = NewSignal();
    private TaskCompletionSource? _idle;
    private volatile Exception? _failure;
    private volatile string? _outgrown; // a topic without the partition in it that a record is for, as the producer knows it
    private long _lookedAgain;
    private int _unreported;
    private long _resultsSent;
    private long _deadLettersSent;
    private long _reviewCopiesSent;

    internal KafkaOutboundSink(
        KafkaConfiguration configuration, AssignmentTable table, TopicWatch topics, KafkaMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_configuration, _options, _table, _topics, _metrics, _time, _logger) =
            (configuration, configuration.Kafka, table, topics, metrics, time, logger);
        _byKey = [.. s_destinations.Select(d => new TopicPartition(TopicOf(d), Partition.Any))];
        _batches = new(configuration, topics, time);
        _compresses = configuration.Producer.Any(p => p.Key is "compression.type" or "compression.codec" && p.Value != "none");
    }

    /// <summary>Why nothing can be written any more; null while it can.</summary>
    internal Exception? Failure => _failure;

    /// <summary>Called when the poll thread has something to do for the sink.</summary>
    internal Action Wake { get; set; } = () => { };

    public async ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        while (true)
        {
            ThrowIfFailed();
            switch (TryPublish(record, reported, out var opened))
            {
                case Attempt.Done: return;
                case Attempt.ClientFull: await Task.Delay(s_clientFull, _time, abort); break;
                case Attempt.GateClosed: await opened.WaitAsync(abort); break;
            }
        }
    }

    public async Task FlushAsync(CancellationToken abort)
    {
        while (true)
        {
            Task idle;
            lock (_gate)
            {
                ThrowIfFailed();
                if (Volatile.Read(ref _unreported) == 0) return;
                idle = (_idle ??= NewSignal()).Task;
            }

            Wake();
            await idle.WaitAsync(abort);
        }
    }

    /// <summary>Ends the run: nothing can be written any more, and dropping events is not an option.</summary>
    internal void Fail(string reason)
    {
        lock (_gate)
        {
            if (_failure is not null) return;
            _failure = new IOException(reason);
            _open = false;
            _opened.TrySetResult(); // whoever waits looks at the failure
            _idle?.TrySetResult();
        }

        _logger.Failed(reason);
        Wake();
    }

    /// <summary>Moves what was sent since the last call into the metrics.</summary>
    internal void CountSent()
    {
        if (Interlocked.Exchange(ref _resultsSent, 0) is > 0 and var results) _metrics.Sent(_options.OutputTopic, results);
        if (Interlocked.Exchange(ref _deadLettersSent, 0) is > 0 and var letters) _metrics.Sent(_options.DeadLetterTopic, letters);
        if (Interlocked.Exchange(ref _reviewCopiesSent, 0) is > 0 and var copies) _metrics.Sent(_options.ReviewTopic, copies);
    }

    private enum Attempt
    {
        Done,
        ClientFull,
        GateClosed,
    }

    private Attempt TryPublish(OutboundRecord record, PublishReport reported, out Task opened)
    {
        PublishRefusal? refusal = null;
        lock (_gate)
        {
            opened = _opened.Task;
            var position = record.Source.Position;
            var flow = _table.Find(position);
            if (flow is null || !flow.TryBeginPublish())
            {
                if (record.Destination != Destination.Review) flow?.Drop(position.Sequence); // before it is reported, which acknowledges it
            }
            else
            {
                if (!_open || !TryBeginTransaction())
                {
                    flow.EndPublish();
                    return Attempt.GateClosed;
                }

                if (!IsRefused(record, out refusal))
                {
                    try
                    {
                        Produce(record, reported, flow);
                        return Attempt.Done;
                    }
                    catch (ProduceException<byte[]?, byte[]?> exception) when (exception.Error.Code is ErrorCode.Local_QueueFull or ErrorCode.Local_UnknownPartition)
                    {
                        if (exception.Error.Code == ErrorCode.Local_UnknownPartition) _outgrown = TopicOf(record); // the watch has seen it grow, the producer not yet
                        flow.EndPublish();
                        return Attempt.ClientFull;
                    }
                    catch (KafkaException exception)
                    {
                        refusal = NotProduced(record, exception.Error);
                        if (refusal is null)
                        {
                            flow.EndPublish();
                            return _open ? Attempt.ClientFull : Attempt.GateClosed;
                        }
                    }
                }

                flow.EndPublish();
            }
        }

        reported(record, refusal is null ? PublishOutcome.Dropped : PublishOutcome.Refused, refusal);
        return Attempt.Done;
    }

    /// <summary>True when the broker refused it before, or is known to take nothing that large.</summary>
    private bool IsRefused(OutboundRecord record, [NotNullWhen(true)] out PublishRefusal? refusal)
    {
        refusal = null;
        if (_refused.Count > 0 && _refused.TryGetValue(Identity(record), out refusal)) return true;
        if (_compresses || _topics.MaxMessageBytesOf(TopicOf(record)) is not { } limit || record.Payload is not { } payload || payload.Length <= limit) return false;
        refusal = new(RejectionReason.OutputTooLarge, $"Topic '{TopicOf(record)}' takes {limit} bytes; the payload has {payload.Length}.");
        return true;
    }

    /// <summary>What it means that the client did not take a record; null when it is not the record's fault.</summary>
    private PublishRefusal? NotProduced(OutboundRecord record, Error error)
    {
        var topic = TopicOf(record);
        _metrics.SendFailed(topic, error.Code.ToString());
        switch (DeliveryErrors.Classify(error))
        {
            case DeliveryFailure.Permanent: return DeliveryErrors.Refusal(record, error, topic);
            case DeliveryFailure.Unwritable: Fail($"Topic '{topic}' cannot be written: {error.Reason}."); break;
            default: Doubt(error); break; // the client cannot take it now; it is tried again
        }

        return null;
    }

    private void Produce(OutboundRecord record, PublishReport reported, PartitionFlow flow)
    {
        var source = record.Source;
        var topic = TopicOf(record);
        var message = new Message<byte[]?, byte[]?> { Key = source.Key, Value = record.Payload, Headers = HeadersOf(record) };
        // A dead letter is of now: a topic that refuses the event's time, or deletes what is that old, must still take it, and keep it.
        if (source.Timestamp >= 0 && record.Destination != Destination.DeadLetters) message.Timestamp = new(source.Timestamp, TimestampType.CreateTime);
        var target = source.Key is null ? new(topic, KeylessPartition(topic, source.Position.Partition)) : _byKey[(int)record.Destination];
        Interlocked.Increment(ref _unreported);
        try
        {
            var producer = _producer!;
            if (_configuration.ExactlyOnce) producer.Produce(target, message, report => ReportedInTransaction(producer, record, report));
            else producer.Produce(target, message, report => Reported(record, reported, flow, report));
        }
        catch (KafkaException)
        {
            Interlocked.Decrement(ref _unreported);
            throw;
        }

        if (!_configuration.ExactlyOnce) return;
        if (record.Destination != Destination.Review) flow.Published(source.Position.Sequence);
        flow.EndPublish();
        _transaction.Add((record, reported));
    }

    private void Reported(OutboundRecord record, PublishReport reported, PartitionFlow flow, DeliveryReport<byte[]?, byte[]?> report)
    {
        PublishRefusal? refusal = null;
        if (!report.Error.IsError)
        {
            CountOne(record);
        }
        else if (!flow.Revoked)
        {
            var topic = TopicOf(record);
            _metrics.SendFailed(topic, report.Error.Code.ToString());
            switch (DeliveryErrors.Classify(report.Error))
            {
                case DeliveryFailure.Permanent when _batches.MayShareBatch(record):
                    flow.Revoke(); // read again, and sent alone
                    RefuseBatch(topic, report.Error);
                    break;
                case DeliveryFailure.Permanent:
                    refusal = DeliveryErrors.Refusal(record, report.Error, topic);
                    break;
                case DeliveryFailure.Unwritable:
                    Fail($"Topic '{topic}' cannot be written: {report.Error.Reason}.");
                    flow.Revoke();
                    break;
                default:
                    flow.Revoke(); // the poll thread reads the partition again from what is acknowledged
                    Doubt(report.Error);
                    break;
            }
        }

        // Reporting acknowledges it: a record that was not delivered must hold the committable offset back before that.
        var outcome = !report.Error.IsError ? PublishOutcome.Durable : refusal is null ? PublishOutcome.Dropped : PublishOutcome.Refused;
        if (outcome == PublishOutcome.Dropped && record.Destination != Destination.Review) flow.Drop(record.Source.Position.Sequence);
        reported(record, outcome, refusal);
        flow.EndPublish();
        OneReported();
    }

    /// <summary>Nobody can tell which message of a batch is to blame: the poll thread makes a producer that sends each alone.</summary>
    private void RefuseBatch(string topic, Error error)
    {
        LastTrouble = error.Reason;
        if (_batches.BatchRefused(error.Code)) _logger.BatchRefused(topic, error.Reason, BatchPolicy.AloneFor.TotalSeconds);
        Wake();
    }

    private void CountOne(OutboundRecord record)
    {
        if (record.Destination == Destination.Results) Interlocked.Increment(ref _resultsSent);
        else if (record.Destination == Destination.Review) Interlocked.Increment(ref _reviewCopiesSent);
        else Interlocked.Increment(ref _deadLettersSent);
    }

    private void OneReported()
    {
        if (Interlocked.Decrement(ref _unreported) > 0) return;
        lock (_gate)
        {
            _idle?.TrySetResult();
            _idle = null;
        }
    }

    private string TopicOf(OutboundRecord record) => TopicOf(record.Destination);

    private string TopicOf(Destination destination) => destination switch
    {
        Destination.Results => _options.OutputTopic,
        Destination.DeadLetters => _options.DeadLetterTopic,
        _ => _options.ReviewTopic,
    };

    // Without a key the source partition decides, so that the events of one partition stay in one partition, in order.
    private Partition KeylessPartition(string topic, int sourcePartition) =>
        _topics.PartitionsOf(topic) is > 0 and var count ? sourcePartition % count : Partition.Any;

    private static Headers? HeadersOf(OutboundRecord record)
    {
        if (record.Headers.Count == 0) return null;
        var headers = new Headers();
        foreach (var header in record.Headers) headers.Add(header.Key, header.Value);
        return headers;
    }

    private static (Destination, string, int, long) Identity(OutboundRecord record) =>
        (record.Destination, record.Source.Position.Topic, record.Source.Position.Partition, record.Source.Position.Offset);

    private void ThrowIfFailed()
    {
        if (_failure is { } failure) throw new IOException(failure.Message, failure);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
