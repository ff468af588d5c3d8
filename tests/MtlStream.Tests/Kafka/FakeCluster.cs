using System.Globalization;
using System.Text;
using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

/// <summary>A clock that moves when it is told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _ticks = TimeSpan.TicksPerDay;
    private int _asked;

    /// <summary>How often someone has asked for the time.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        Interlocked.Increment(ref _asked);
        return Interlocked.Read(ref _ticks);
    }

    public void Pass(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
}

/// <summary>How a call of the producer ends that has to do with transactions.</summary>
internal enum CallEnds
{
    Well,

    /// <summary>In time-outs, and nothing came of it.</summary>
    TimedOut,

    /// <summary>In time-outs, although it was done.</summary>
    TimedOutDone,

    Fenced,

    /// <summary>In an error that only an abort gets over.</summary>
    Abortable,
}

/// <summary>Brokers, group and clients in memory, on one thread: what one session does to the topics, and what befalls it.</summary>
/// <remarks>Input partition P holds the events 0, 1, 2, ...; what is published carries the place of its event as payload.</remarks>
internal sealed class FakeCluster(ManualTime time, int partitions) : IKafkaClients
{
    public const string Input = "in", Results = "out", Letters = "dead", Review = "review";

    private readonly long[] _events = new long[partitions];
    private readonly Dictionary<int, long> _committed = [];
    private readonly Dictionary<string, int> _made = [];
    private int _generation;

    public FakeConsumer? Consumer { get; private set; }
    public FakeProducer? Producer { get; private set; }

    /// <summary>Of copies for review: the one that gives messages up after a while.</summary>
    public FakeProducer? ReviewProducer { get; private set; }

    /// <summary>What readers of committed data see, in order: topic, input partition, input offset.</summary>
    public List<(string Topic, int Partition, long Offset)> Visible { get; } = [];

    public int Producers { get; private set; }
    public int Consumers { get; private set; }

    /// <summary>How the next calls of transactions end; well when it is empty.</summary>
    public Queue<CallEnds> Calls { get; } = [];

    /// <summary>What the brokers refuse for its size.</summary>
    public Func<Message<byte[]?, byte[]?>, bool> Large { get; set; } = _ => false;

    /// <summary>Another member of the group has these partitions.</summary>
    public HashSet<int> OfOthers { get; } = [];

    public int Partitions => partitions;

    public int Generation => _generation;

    public long EventsOf(int partition) => _events[partition];

    public long CommittedOf(int partition) => _committed.GetValueOrDefault(partition, 0);

    public bool HasCommitted(int partition) => _committed.ContainsKey(partition);

    public void Write(int partition, int count) => _events[partition] += count;

    public void Commit(int partition, long offset) => _committed[partition] = offset;

    /// <summary>How often a topic was made again.</summary>
    public int MadeAgain(string topic) => _made.GetValueOrDefault(topic);

    public string IdOf(string topic) => $"{topic}-{MadeAgain(topic)}";

    /// <summary>Deletes a topic and makes another one of its name; clients that know the old one do not get on with it.</summary>
    public void MakeAgain(string topic)
    {
        _made[topic] = MadeAgain(topic) + 1;
        if (topic != Input) return;
        Array.Clear(_events);
        _committed.Clear();
        Visible.Clear();
    }

    /// <summary>The group goes on without the session for some partitions, which does not know it yet.</summary>
    public void TakeAway(IEnumerable<int> gone)
    {
        OfOthers.UnionWith(gone);
        _generation++;
    }

    public void Synchronize() => Consumer!.Generation = _generation;

    /// <summary>Another member works on what the group has taken away.</summary>
    public void OthersWork(int events)
    {
        foreach (var partition in OfOthers)
        {
            for (var i = 0; i < events && CommittedOf(partition) < _events[partition]; i++)
            {
                Visible.Add((Results, partition, CommittedOf(partition)));
                _committed[partition] = CommittedOf(partition) + 1;
            }
        }
    }

    /// <summary>What the producer before left of its transaction is over: done, or undone.</summary>
    public Action? Dangling { get; set; }

    public IConsumerPort NewConsumer(IConsumerEvents events)
    {
        Consumer = new(this, events, time);
        Consumers++; // last: tests wait for it on another thread
        return Consumer;
    }

    public IProducerPort NewProducer(IReadOnlyDictionary<string, string> properties)
    {
        var producer = new FakeProducer(this, time, properties);
        if (properties.GetValueOrDefault("message.timeout.ms") == "10000") return ReviewProducer = producer;
        Producer = producer;
        Producers++;
        return producer;
    }

    public static byte[] PlaceOf(int partition, long offset) => Encoding.UTF8.GetBytes($"{partition}:{offset}");

    /// <summary>When events of the input topic are of: each that is made again has another time.</summary>
    public long TimeOfEvents => 1_700_000_000_000 + MadeAgain(Input);

    /// <summary>The place of its event, which the payload says, or the headers of a dead letter; null when its topic is gone.</summary>
    public (int Partition, long Offset)? PlaceOf(Message<byte[]?, byte[]?> message)
    {
        const string place = "__connect.errors.";
        if (message.Headers is not { } headers || !headers.TryGetLastBytes($"{place}partition", out var partition))
        {
            var parts = Encoding.UTF8.GetString(message.Value!).Split(':').Select(Number).ToList();
            return message.Timestamp.UnixTimestampMs == TimeOfEvents ? ((int)parts[0], parts[1]) : null;
        }

        var isGone = Number(Encoding.UTF8.GetString(headers.GetLastBytes("mtlstream.timestamp"))) != TimeOfEvents;
        return isGone ? null : ((int)Number(Encoding.UTF8.GetString(partition)), Number(Encoding.UTF8.GetString(headers.GetLastBytes($"{place}offset"))));
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
