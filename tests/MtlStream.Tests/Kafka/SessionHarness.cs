using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Results;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Kafka;

/// <summary>A session over <see cref="FakeCluster"/>, driven from one thread: the test is the poll thread and the pipeline.</summary>
internal sealed class SessionHarness : IDisposable
{
    private readonly Channel<IReadOnlyList<SourceRecord>> _channel = System.Threading.Channels.Channel.CreateBounded<IReadOnlyList<SourceRecord>>(8);
    private readonly Queue<OutboundRecord> _letters = [];
    private readonly Queue<SourceRecord> _received = [];
    private readonly Dictionary<SourcePosition, int> _reports = [];
    private readonly KafkaMetrics _metrics;

    public SessionHarness(
        DeliveryGuarantee guarantee, FakeCluster? cluster = null, Func<KafkaOptions, KafkaOptions>? with = null, int partitions = 3,
        ManualTime? time = null, IMeterFactory? meters = null)
    {
        Time = time ?? new();
        Cluster = cluster ?? new(Time, partitions);
        Guarantee = guarantee;
        var options = new KafkaOptions
        {
            InputTopics = [FakeCluster.Input],
            OutputTopic = FakeCluster.Results,
            DeadLetterTopic = FakeCluster.Letters,
            ReviewTopic = FakeCluster.Review,
        };
        var configuration = new KafkaConfiguration(with?.Invoke(options) ?? options, new() { Guarantee = guarantee });
        _metrics = new(meters ?? (IMeterFactory)new MeterFactory());
        Topics = new(Cluster);
        Context = new(configuration, Topics, Status, _metrics, Time, NullLogger.Instance, new Signal(this));
        Session = new(Context, Cluster);
        Session.Intake.Channel = _channel.Writer;
        Session.Open();
    }

    /// <summary>One that has received all events of partition 0.</summary>
    public static SessionHarness Start(
        DeliveryGuarantee guarantee, int events, IMeterFactory? meters = null, string? producer = null, int? payloadBytes = null)
    {
        var harness = new SessionHarness(guarantee, meters: meters, with: options => producer?.Split('=') is [var name, var value]
            ? options with { Producer = new Dictionary<string, string> { [name] = value } } : options);
        harness.Consumer.PayloadBytes = payloadBytes;
        harness.Cluster.Write(0, events);
        harness.Assign(0);
        harness.Round(3);
        return harness;
    }

    public DeliveryGuarantee Guarantee { get; }
    public ManualTime Time { get; }
    public FakeCluster Cluster { get; }
    public KafkaSession Session { get; }
    public SessionContext Context { get; }
    public KafkaStatus Status { get; } = new();
    public KnownTopics Topics { get; }
    public FakeConsumer Consumer => Cluster.Consumer!;
    public FakeProducer? Producer => Cluster.Producer;

    /// <summary>Done while the session waits inside a call.</summary>
    public Action OnWait { get; set; } = () => { };

    public ChannelWriter<IReadOnlyList<SourceRecord>> Channel => _channel.Writer;

    public int Received => _received.Count;

    public int Durable { get; private set; }

    public int Dropped { get; private set; }

    public List<PublishRefusal> Refusals { get; } = [];

    /// <summary>The records that they were told of.</summary>
    public List<OutboundRecord> Refused { get; } = [];

    /// <summary>In place of the report to the pipeline.</summary>
    public PublishReport? Reporting { get; set; }

    public void Assign(params int[] partitions)
    {
        Consumer.Happens.Enqueue(_ => Consumer.Assign(partitions));
        Round();
    }

    public void Round(int times = 1)
    {
        for (; times > 0; times--)
        {
            Session.Round();
            while (_channel.Reader.TryRead(out var chunk))
                foreach (var record in chunk) _received.Enqueue(record);
        }
    }

    /// <summary>Publishes what was received, in order, until the session lets nothing more through.</summary>
    public int Publish(int most = int.MaxValue)
    {
        var published = 0;
        for (; published < most; published++)
        {
            var record = _letters.TryPeek(out var letter) ? letter : _received.TryPeek(out var next) ? Answer(next) : null;
            if (record is null || Session.Publisher.TryPublish(record, Reported, out _) != Publisher.Attempt.Done) return published;
            if (letter is not null) _letters.Dequeue();
            else _received.Dequeue();
        }

        return published;
    }

    /// <summary>Has what was received go nowhere, until the session lets nothing more through.</summary>
    public int DropAll()
    {
        var dropped = 0;
        for (; _received.TryPeek(out var next); dropped++)
        {
            var record = OutboundRecord.Textless(next, TextlessEvents.Drop);
            if (Session.Publisher.TryPublish(record, Reported, out _) != Publisher.Attempt.Done) return dropped;
            _received.Dequeue();
        }

        return dropped;
    }

    /// <summary>Publishes what was received last, before what came before it: order is not kept then.</summary>
    public void PublishLast()
    {
        if (_received.Count == 0) return;
        var all = _received.ToList();
        if (Session.Publisher.TryPublish(Answer(all[^1]), Reported, out _) != Publisher.Attempt.Done) return;
        _received.Clear();
        foreach (var record in all.Take(all.Count - 1)) _received.Enqueue(record);
    }

    public void PublishReview(PublishReport reported)
    {
        var source = _received.Peek();
        var sent = Session.PublishAsync(new(Destination.Review, source.Payload, [], source), reported, CancellationToken.None);
        Assert.True(sent.IsCompletedSuccessfully);
    }

    /// <summary>Everything sent is reported, what waits for a while has waited, what can be committed is.</summary>
    public void Settle()
    {
        for (var i = 0; i < 5; i++)
        {
            Time.Pass(TimeSpan.FromSeconds(10));
            Producer?.Report(int.MaxValue);
            Round(2);
            if (Guarantee == DeliveryGuarantee.AtLeastOnce) Consumer.CommitStored();
        }
    }

    public void Dispose() => Context.Dispose();

    private static OutboundRecord Answer(SourceRecord source) => new(Destination.Results, source.Payload, [], source);

    private void Reported(OutboundRecord record, PublishOutcome outcome, PublishRefusal? refusal)
    {
        Reporting?.Invoke(record, outcome, refusal);
        if (refusal is not null)
        {
            Refusals.Add(refusal);
            Refused.Add(record);
            if (EventEncoder.EncodeUnpublished(record, refusal.Reason, refusal.Message) is { } answer) _letters.Enqueue(answer);
            else Session.Fail(refusal.Message); // as the pipeline does
            return;
        }

        if (outcome == PublishOutcome.Durable) Durable++;
        else Dropped++;
        var position = record.Source.Position;
        _reports[position] = _reports.GetValueOrDefault(position) + 1;
        Assert.Equal(1, _reports[position]);
        Session.Acknowledge(position);
    }

    /// <summary>Topics without limits.</summary>
    internal sealed class KnownTopics(FakeCluster cluster) : IKnownTopics
    {
        public bool OutputsFound => true;
        public int? SmallestMaxMessageBytes => null;
        public int? Limit { get; set; }
        public int? MaxMessageBytesOf(string topic) => Limit;
        public int PartitionsOf(string topic) => 3;

        /// <summary>What is known of the input topic before a look; null once it has happened.</summary>
        public string? OldId { get; set; }

        public string? IdOf(string topic) => topic == FakeCluster.Input && OldId is not null ? OldId : cluster.IdOf(topic);

        public void LookAgain(TimeSpan limit) => OldId = null;
    }

    private sealed class Signal(SessionHarness harness) : PollSignal
    {
        public override void Wait(TimeSpan longest)
        {
            harness.Time.Pass(longest);
            harness.OnWait();
        }
    }
}
