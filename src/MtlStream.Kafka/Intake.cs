using System.Threading.Channels;
using Confluent.Kafka;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>Reads events in chunks while there is room for them, and has the client pause where there is none for long.</summary>
/// <remarks>For the poll thread, except <see cref="NoteRoom"/> and <see cref="Paused"/>.</remarks>
internal sealed class Intake
{
    private const int MostPerChunk = 128;
    private static readonly TimeSpan s_idlePoll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_roomPoll = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_pauseAfter = TimeSpan.FromMilliseconds(500);

    private readonly SessionContext _context;
    private readonly AssignmentTable _table;
    private readonly KafkaOptions _options;
    private readonly Action<Error> _failed;
    private readonly int _roomToGoOn;
    private readonly GoneEvents _gone;
    private readonly Queue<List<SourceRecord>> _waiting = new(); // full chunks that the channel has no room for yet
    private List<SourceRecord> _chunk = [];
    private volatile bool _full;
    private volatile bool _awaitsRoom;
    private long _fullSince;
    private volatile bool _paused;
    private long _pausedSince;
    private bool _repause;

    /// <param name="failed">Told of what the consumer could not read.</param>
    public Intake(SessionContext context, GoneEvents gone, Action<Error> failed)
    {
        _gone = gone;
        _context = context;
        _table = context.Table;
        _options = context.Options;
        _failed = failed;
        _roomToGoOn = Math.Min(2 * MostPerChunk, _options.MaxInFlightEvents / 4);
    }

    /// <summary>Takes the chunks.</summary>
    public ChannelWriter<IReadOnlyList<SourceRecord>>? Channel { get; set; }

    /// <summary>False once reading was stopped for good.</summary>
    public bool Reading { get; private set; } = true;

    /// <summary>True while the client is told not to fetch.</summary>
    public bool Paused => _paused;

    /// <summary>Wakes the poll thread when it waits for room and there is some: waking it costs more than an event does.</summary>
    public void NoteRoom()
    {
        if (_awaitsRoom && HasRoomToRead()) _context.Signal.Set();
    }

    /// <summary>Reads what has come, up to a chunk. Rebalances happen in here.</summary>
    public void Read(IConsumerPort consumer)
    {
        if (!Reading || _paused)
        {
            if (Reading) HandOver();
            ConsumeOne(consumer, s_idlePoll);
            return;
        }

        // A full channel is no reason to stop: a pause for its sake would be over, and due again, with every chunk that it takes.
        HandOver();
        if (_chunk.Count >= MostPerChunk) StartChunk();
        if (!HasRoomToRead())
        {
            AwaitRoom(consumer);
            return;
        }

        _full = false;
        var patience = _chunk.Count + _waiting.Count > 0 ? s_roomPoll : s_idlePoll;
        while (ConsumeOne(consumer, patience) && _chunk.Count < MostPerChunk && HasRoomToRead()) patience = TimeSpan.Zero;
        HandOver();
    }

    /// <summary>Goes on where there is room again, and pauses what was assigned during a pause.</summary>
    public void Tend(IConsumerPort consumer)
    {
        if (_repause) Pause(consumer);
        else if (_paused && Reading && HasRoom(_options.MaxInFlightEvents / 2, _options.MaxInFlightBytes / 2)) Resume(consumer);
    }

    /// <summary>Reads nothing more. What was not handed over was not received: it is not acknowledged, and delivered again.</summary>
    public void Stop(IConsumerPort? consumer)
    {
        CountPaused();
        Reading = false;
        _waiting.Clear();
        _chunk = [];
        if (consumer is not null) Pause(consumer);
    }

    /// <summary>Notes partitions that are new, and so not paused.</summary>
    public void NoteAssigned() => _repause |= _paused;

    /// <summary>Notes that the consumer is another one, which is not paused.</summary>
    public void StartOver(IConsumerPort consumer)
    {
        CountPaused();
        _paused = false;
        _full = false;
        if (!Reading) Pause(consumer);
    }

    /// <summary>Counts the pause so far: one that lasts is seen while it does. A consumer that drains is paused too, but not by what is in flight.</summary>
    public void CountPaused()
    {
        if (!_paused || !Reading) return;
        var since = _pausedSince;
        _pausedSince = _context.Time.GetTimestamp();
        _context.Metrics.PausedFor(_context.Time.GetElapsedTime(since, _pausedSince));
    }

    private void AwaitRoom(IConsumerPort consumer)
    {
        if (!_full)
        {
            _full = true;
            _fullSince = _context.Time.GetTimestamp();
        }

        // Waiting a little keeps what the client has prefetched; a pause throws it away.
        if (_context.Time.GetElapsedTime(_fullSince) > s_pauseAfter)
        {
            Pause(consumer);
            return;
        }

        _awaitsRoom = true;
        _context.Signal.Wait(s_roomPoll);
        _awaitsRoom = false;
    }

    private bool HasRoomToRead() => _full
        ? HasRoom(_options.MaxInFlightEvents - _roomToGoOn, _options.MaxInFlightBytes - _options.MaxInFlightBytes / 8)
        : HasRoom(_options.MaxInFlightEvents, _options.MaxInFlightBytes);

    private bool HasRoom(long events, long bytes) => _table.InFlightEvents < events && _table.InFlightBytes < bytes
        || _table.InFlightEvents == 0; // an event above the limit all by itself

    /// <summary>Reads one event into the chunk; false when none came in time.</summary>
    private bool ConsumeOne(IConsumerPort consumer, TimeSpan patience)
    {
        ConsumeResult<byte[]?, byte[]?>? result;
        try
        {
            result = consumer.Consume(patience);
        }
        catch (ConsumeException exception)
        {
            _failed(exception.Error);
            return false;
        }

        if (result is null) return false;
        if (result.IsPartitionEOF) return true; // with Kafka:Consumer:enable.partition.eof
        if (_table.CurrentOf(result.Topic, result.Partition) is not { } flow) return true;
        if (flow.Revoked || !Reading)
        {
            flow.Skip(result.Offset.Value);
            return true;
        }

        if (result.Offset.Value > flow.Next) _gone.Look(flow, result.Offset.Value, consumer);
        flow.Next = result.Offset.Value + 1;
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
        var position = _table.Receive(flow, result.Offset.Value, bytes);
        return new(position, message.Key, message.Value, headers, timestamp, _context.Time.GetTimestamp());
    }

    /// <summary>Hands over what the channel has room for; the rest is kept.</summary>
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
        if (!Channel!.TryWrite(chunk)) return false;
        CountConsumed(chunk);
        return true;
    }

    private void StartChunk()
    {
        _waiting.Enqueue(_chunk);
        _chunk = new(MostPerChunk);
    }

    // The channel's reader has the chunk by now and may read it at the same time.
    private void CountConsumed(List<SourceRecord> chunk)
    {
        for (var first = 0; first < chunk.Count;)
        {
            var topic = chunk[first].Position.Topic;
            var end = first + 1;
            while (end < chunk.Count && ReferenceEquals(chunk[end].Position.Topic, topic)) end++;
            _context.Metrics.Consumed(topic, _options.GroupId, end - first);
            first = end;
        }
    }

    private void Pause(IConsumerPort consumer)
    {
        _repause = false;
        if (!_paused)
        {
            _paused = true;
            _pausedSince = _context.Time.GetTimestamp();
        }

        var partitions = Partitions();
        if (Reading)
        {
            _context.Metrics.Paused();
            _context.Logger.Paused(partitions.Count, _table.InFlightEvents, _table.InFlightBytes);
        }

        _context.Quietly(() => consumer.Pause(partitions));
    }

    // Only what is assigned, and all of that is paused: resuming a partition that is not paused would rewind it.
    private void Resume(IConsumerPort consumer)
    {
        CountPaused();
        _paused = false;
        _full = false;
        var partitions = Partitions();
        _context.Logger.Resumed(partitions.Count);
        _context.Quietly(() => consumer.Resume(partitions));
    }

    private List<TopicPartition> Partitions() => [.. _table.Current.Select(f => f.Partition)];
}
