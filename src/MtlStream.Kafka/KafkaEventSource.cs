using System.Threading.Channels;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Reads events on a thread of its own that never waits for the model, and commits what is acknowledged.</summary>
/// <remarks>
/// The poll thread owns the consumer and the transactions. It keeps polling while the pipeline drains, until
/// <see cref="CompleteAsync"/> or <see cref="DisposeAsync"/> ends it; other threads only set flags and wake it.
/// </remarks>
public sealed partial class KafkaEventSource : IEventSource, IAsyncDisposable
{
    private const int MostPerChunk = 128;
    private static readonly TimeSpan s_idlePoll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_roomPoll = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_pauseAfter = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_observe = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_storeOffsets = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_closeSoon = TimeSpan.FromSeconds(8);

    private readonly KafkaConfiguration _configuration;
    private readonly KafkaOptions _options;
    private readonly AssignmentTable _table;
    private readonly TopicWatch _topics;
    private readonly KafkaOutboundSink _sink;
    private readonly KafkaStatus _status;
    private readonly KafkaMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    private readonly ManualResetEventSlim _wake = new(false, spinCount: 0);
    private readonly CancellationTokenSource _abandon = new();
    private readonly TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _roomToGoOn;
    private ChannelWriter<IReadOnlyList<SourceRecord>>? _lane;
    private Thread? _thread;
    private volatile bool _stopping;
    private volatile bool _completing;

    // Owned by the poll thread.
    private IConsumer<byte[]?, byte[]?>? _consumer;
    private readonly Queue<List<SourceRecord>> _waiting = new(); // full chunks that the lane has no room for yet
    private List<SourceRecord> _chunk = [];
    private bool _reading = true;
    private volatile bool _full;
    private volatile bool _awaitsRoom;
    private long _fullSince;
    private volatile bool _paused;
    private long _pausedSince;
    private bool _repause;
    private long _observed;
    private long _stored;
    private string _lastError = "";
    private long _lastErrorLogged;
    private long _lastConsumerRebuild;

    internal KafkaEventSource(
        KafkaConfiguration configuration, AssignmentTable table, TopicWatch topics, KafkaOutboundSink sink, KafkaStatus status,
        KafkaMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_configuration, _options, _table, _topics, _sink, _status, _metrics, _time, _logger) =
            (configuration, configuration.Kafka, table, topics, sink, status, metrics, time, logger);
        _roomToGoOn = Math.Min(2 * MostPerChunk, _options.MaxInFlightEvents / 4);
        sink.Wake = _wake.Set;
    }

    /// <summary>Events handed over or about to be, and not acknowledged.</summary>
    internal long InFlightEvents => _table.InFlightEvents;

    /// <summary>Bytes of their keys, payloads and headers.</summary>
    internal long InFlightBytes => _table.InFlightBytes;

    /// <summary>True while reading waits for what is in flight.</summary>
    internal bool Paused => _paused;

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        _lane = received;
        _topics.Start();
        _thread = new(Poll) { IsBackground = true, Name = "kafka-poll" };
        _thread.Start();
        await using var registration = stopping.Register(() =>
        {
            _stopping = true;
            _wake.Set();
        });
        await _received.Task;
    }

    public void Acknowledge(SourcePosition position)
    {
        _table.Acknowledge(position);
        if (_awaitsRoom && HasRoomToRead()) _wake.Set(); // waking the thread costs more than an event does: once, when it can go on
    }

    public async ValueTask CompleteAsync(CancellationToken abort)
    {
        if (_thread is null) return;
        _completing = true;
        _wake.Set();
        await _ended.Task.WaitAsync(abort);
    }

    /// <summary>Leaves the group; unless <see cref="CompleteAsync"/> was called, an open transaction is aborted.</summary>
    public async ValueTask DisposeAsync()
    {
        await _abandon.CancelAsync();
        _wake.Set();
        if (_thread is not null)
        {
            // What the thread failed with, ReceiveAsync or CompleteAsync has thrown.
            await _ended.Task.WaitAsync(s_closeSoon, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_ended.Task.IsCompleted)
            {
                _logger.CloseSlow(s_closeSoon.TotalSeconds);
                return; // the thread still uses what would be disposed; it ends with the process
            }
        }

        _abandon.Dispose();
        _wake.Dispose();
    }

    private void Poll()
    {
        try
        {
            if (WaitForOutputs())
            {
                OpenConsumer();
                _logger.SourceStarted(string.Join(", ", _options.InputTopics), _options.BootstrapServers, _options.GroupId, _configuration.Delivery.Guarantee.ToString());
                while (!_abandon.IsCancellationRequested && !(_completing && MayLeave()))
                {
                    _status.SetMoved(_time.GetTimestamp());
                    if (_stopping && _reading) StopReading();
                    Tend();
                    Read();
                }
            }

            Close();
            _status.SetMoved(0);
            _received.TrySetResult();
            _ended.TrySetResult();
        }
#pragma warning disable CA1031 // the end of a thread: whatever it was, the task that stands for the thread carries it on
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _sink.Fail(exception.Message);
            _received.TrySetException(exception);
            CloseAfterFailure();
            _status.SetMoved(0);
            _ended.TrySetException(exception);
        }
    }

    // Nothing is read before there is somewhere to write to.
    private bool WaitForOutputs()
    {
        while (!_topics.OutputsFound && !_stopping && !_completing && !_abandon.IsCancellationRequested) WaitAtMost(s_idlePoll);
        if (_topics.OutputsFound) return true;
        _received.TrySetResult();
        return false;
    }

    /// <summary>Everything besides reading: failures, the producer, rewinds, commits, back pressure, figures.</summary>
    private void Tend()
    {
        if (_sink.Failure is { } failure) throw new IOException(failure.Message, failure);
        if (_fatal is { } fatal) RebuildConsumer(fatal);
        if (_sink.Doubtful is not null) AbandonTransaction("publishing failed");
        var sinkReady = _sink.EnsureProducer();
        if (sinkReady)
        {
            Rewind(); // after a new producer has ended what the old one left: only then the committed offsets are final
            _sink.OpenGate();
        }

        if (_configuration.ExactlyOnce)
        {
            if (sinkReady && _sink.CommitIsDue() && !_sink.TryCommit(_consumer!.ConsumerGroupMetadata, _abandon.Token) && _sink.Doubtful is not null)
                AbandonTransaction("commit failed");
        }
        else if (_time.GetElapsedTime(_stored) >= s_storeOffsets)
        {
            _stored = _time.GetTimestamp();
            foreach (var flow in _table.Current) StoreOffset(flow);
        }

        if (_repause) Pause();
        else if (_paused && _reading && HasRoom(_options.MaxInFlightEvents / 2, _options.MaxInFlightBytes / 2)) Resume();
        if (_time.GetElapsedTime(_observed) >= s_observe) Observe();
    }

    private void Read()
    {
        if (!_reading || _paused)
        {
            if (_reading) HandOver();
            ConsumeOne(s_idlePoll);
            return;
        }

        // A full lane is no reason to stop: a pause for its sake would be over, and due again, with every chunk that it takes.
        HandOver();
        if (_chunk.Count >= MostPerChunk) StartChunk();
        if (!HasRoomToRead())
        {
            if (!_full) (_full, _fullSince) = (true, _time.GetTimestamp());
            // Waiting a little keeps what the client has prefetched; a pause throws it away.
            if (_time.GetElapsedTime(_fullSince) > s_pauseAfter)
            {
                Pause();
                return;
            }

            _awaitsRoom = true;
            WaitAtMost(s_roomPoll);
            _awaitsRoom = false;
            return;
        }

        _full = false;
        var patience = _chunk.Count + _waiting.Count > 0 ? s_roomPoll : s_idlePoll;
        while (ConsumeOne(patience) && _chunk.Count < MostPerChunk) patience = TimeSpan.Zero;
        HandOver();
    }

    private bool HasRoomToRead() => _full
        ? HasRoom(_options.MaxInFlightEvents - _roomToGoOn, _options.MaxInFlightBytes - _options.MaxInFlightBytes / 8)
        : HasRoom(_options.MaxInFlightEvents, _options.MaxInFlightBytes);

    private bool HasRoom(long events, long bytes) => _table.InFlightEvents < events && _table.InFlightBytes < bytes
        || _table.InFlightEvents == 0; // an event above the limit all by itself

    /// <summary>Reads one event into the chunk; false when none came in time. Rebalances happen in here.</summary>
    private bool ConsumeOne(TimeSpan patience)
    {
        ConsumeResult<byte[]?, byte[]?>? result;
        try
        {
            result = _consumer!.Consume(patience);
        }
        catch (ConsumeException exception)
        {
            OnError(exception.Error);
            return false;
        }

        if (result is null) return false;
        if (result.IsPartitionEOF) return true; // with Kafka:Consumer:enable.partition.eof
        if (_table.CurrentOf(result.Topic, result.Partition) is not { } flow) return true;
        if (flow.Revoked || !_reading)
        {
            flow.Skip(result.Offset.Value);
            return true;
        }

        _chunk.Add(ToRecord(result, flow));
        return true;
    }

    private SourceRecord ToRecord(ConsumeResult<byte[]?, byte[]?> result, PartitionFlow flow)
    {
        var message = result.Message;
        IReadOnlyList<EventHeader> headers = [];
        var bytes = (message.Key?.Length ?? 0) + (message.Value?.Length ?? 0);
        if (message.Headers is { Count: > 0 } received)
        {
            var copied = new EventHeader[received.Count];
            for (var i = 0; i < copied.Length; i++)
            {
                copied[i] = new(received[i].Key, received[i].GetValueBytes());
                bytes += copied[i].Key.Length + (copied[i].Value?.Length ?? 0);
            }

            headers = copied;
        }

        var timestamp = message.Timestamp.Type == TimestampType.NotAvailable ? -1 : message.Timestamp.UnixTimestampMs;
        return new(_table.Receive(flow, result.Offset.Value, bytes), message.Key, message.Value, headers, timestamp, _time.GetTimestamp());
    }

    /// <summary>Hands over what the lane has room for; the rest is kept.</summary>
    private void HandOver()
    {
        while (_waiting.TryPeek(out var oldest))
        {
            if (!TryHandOver(oldest)) return;
            _waiting.Dequeue();
        }

        if (_chunk.Count > 0 && TryHandOver(_chunk)) _chunk = new(MostPerChunk);
    }

    private bool TryHandOver(List<SourceRecord> chunk)
    {
        if (!_lane!.TryWrite(chunk)) return false;
        CountConsumed(chunk);
        return true;
    }

    private void StartChunk()
    {
        _waiting.Enqueue(_chunk);
        _chunk = new(MostPerChunk);
    }

    // The lane's reader has the chunk by now and may read it at the same time.
    private void CountConsumed(List<SourceRecord> chunk)
    {
        for (var first = 0; first < chunk.Count;)
        {
            var (topic, end) = (chunk[first].Position.Topic, first + 1);
            while (end < chunk.Count && ReferenceEquals(chunk[end].Position.Topic, topic)) end++;
            _metrics.Consumed(topic, _options.GroupId, end - first);
            first = end;
        }
    }

    private void StopReading()
    {
        CountPaused();
        _reading = false;
        _waiting.Clear();
        _chunk = []; // not handed over, so not received: it is not acknowledged, and delivered again
        Pause();
        _received.TrySetResult();
    }

    private void Pause()
    {
        _repause = false;
        if (!_paused) (_paused, _pausedSince) = (true, _time.GetTimestamp());
        var partitions = _table.Current.Select(f => f.Partition).ToList();
        if (_reading)
        {
            _metrics.Paused();
            _logger.Paused(partitions.Count, _table.InFlightEvents, _table.InFlightBytes);
        }

        Quietly(() => _consumer!.Pause(partitions));
    }

    // Only what is assigned, and all of that is paused: resuming a partition that is not paused would rewind it.
    private void Resume()
    {
        CountPaused();
        (_paused, _full) = (false, false);
        var partitions = _table.Current.Select(f => f.Partition).ToList();
        _logger.Resumed(partitions.Count);
        Quietly(() => _consumer!.Resume(partitions));
    }

    /// <summary>Counts the pause so far: one that lasts is seen while it does. A consumer that drains is paused too, but not by what is in flight.</summary>
    private void CountPaused()
    {
        if (!_paused || !_reading) return;
        var since = _pausedSince;
        _pausedSince = _time.GetTimestamp();
        _metrics.PausedFor(_time.GetElapsedTime(since, _pausedSince));
    }

    private void Observe()
    {
        _observed = _time.GetTimestamp();
        CountPaused();
        _sink.CountSent();
        _status.SetMemberId(_consumer!.MemberId);
        var lags = new List<(string, int, long)>();
        foreach (var flow in _table.Current)
        {
            var high = _consumer.GetWatermarkOffsets(flow.Partition).High.Value;
            if (high >= 0 && flow.DoneUpTo is { } done)
                lags.Add((flow.Partition.Topic, flow.Partition.Partition.Value, Math.Max(0, high - done)));
        }

        _metrics.SetLags(lags);
    }

    private void WaitAtMost(TimeSpan time)
    {
        _wake.Wait(time);
        _wake.Reset();
    }
}
