using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests;

/// <summary>Events whose codec says "not now".</summary>
public sealed class WaitingEventsTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task An_event_that_waits_holds_up_its_own_partition_and_no_other()
    {
        var registry = new GatedCodec("waits");
        var payloads = Enumerable.Range(0, 400).Select(i => i == 10 ? """{"text":"waits"}""" : """{"text":"good"}""");
        var source = new HoldingSource(new InMemorySource(payloads, partitions: 2));
        var others = new CountdownEvent(200 + 5); // partition 1, and what comes before the one that waits
        var sink = new RecordingSink { BeforePublish = _ => Count(others) };

        using var meters = new MeterRecorder();
        var run = Pipeline(source, sink, registry, meters).RunAsync(CancellationToken.None);
        await Ended(others).WaitAsync(s_deadline);
        var early = sink.Published.ToList();
        Assert.Equal([(0, 5L)], source.Held.Select(p => (p.Partition, p.Offset)));
        Assert.Empty(source.Released);
        Assert.Equal(1, meters.Of("mtlstream.events.waiting")[^1].Value);
        registry.Open();
        await run.WaitAsync(s_deadline);

        Assert.Equal(5, early.Count(r => r.Source.Position.Partition == 0));
        Assert.Equal(source.Held, source.Released);
        Assert.Equal(0, meters.Of("mtlstream.events.waiting")[^1].Value);
        foreach (var partition in sink.Published.GroupBy(r => r.Source.Position.Partition))
            Assert.Equal(Enumerable.Range(0, 200).Select(i => (long)i), partition.Select(r => r.Source.Position.Offset));
        Assert.Equal(400, sink.To(Destination.Results).Count());
    }

    [Fact]
    public async Task What_waits_is_tried_again_until_it_can_be_read()
    {
        var registry = new GatedCodec("waits") { OpensAtTry = 4 };
        var source = new HoldingSource(new InMemorySource(["""{"text":"waits"}""", """{"text":"good"}"""]));
        var sink = new RecordingSink();

        await Pipeline(source, sink, registry).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        Assert.Equal(4, registry.Tries);
        Assert.Equal(2, sink.To(Destination.Results).Count());
        Assert.Equal(3, source.Held.Count);
        Assert.Equal(source.Held, source.Released);
    }

    [Fact]
    public async Task A_stop_does_not_acknowledge_what_still_waits()
    {
        var registry = new GatedCodec("waits");
        var source = new HoldingSource(new InMemorySource(["""{"text":"good"}""", """{"text":"waits"}""", """{"text":"good"}"""], endless: true));
        var sink = new RecordingSink();
        using var stopping = new CancellationTokenSource();
        var half = new DeliveryOptions().DrainTimeout / 2;
        var time = new DrainTime(half);

        var run = Pipeline(source, sink, registry, time: time).RunAsync(stopping.Token);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), sink.Reached.Task);
        await stopping.CancelAsync();
        await time.Draining.Task.WaitAsync(s_deadline);
        time.Advance(half);
        await run.WaitAsync(s_deadline);

        Assert.Equal([0L], source.Acknowledged.Select(p => p.Offset));
    }

    private static AnalyticsPipeline Pipeline(
        IEventSource source, IOutboundSink sink, PayloadCodec codec, MeterRecorder? meters = null, TimeProvider? time = null) =>
        Make.Pipeline(source, sink, meters: meters, time: time, codecs: [codec]);

    private static Task Count(CountdownEvent countdown)
    {
        if (!countdown.IsSet) countdown.Signal();
        return Task.CompletedTask;
    }

    private static Task<bool> Ended(CountdownEvent countdown) => Task.Run(() => countdown.Wait(s_deadline));

    /// <summary>Says "not now" to payloads with a word in them, until it is opened. Stands for a registry that does not answer.</summary>
    private sealed class GatedCodec(string word) : PayloadCodec
    {
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _tries;

        public int Tries => _tries;

        /// <summary>Waits of its own for each try before this one; 0 for a single wait that <see cref="Open"/> ends.</summary>
        public int OpensAtTry { get; init; }

        public void Open() => _opened.SetResult();

        public override bool TryDecode(in Payload payload, out Decoding decoding)
        {
            decoding = default;
            if (!Encoding.UTF8.GetString(payload.Bytes).Contains(word, StringComparison.Ordinal)) return false;
            var tries = Interlocked.Increment(ref _tries);
            if (_opened.Task.IsCompleted || (OpensAtTry > 0 && tries >= OpensAtTry)) return false; // read as any JSON
            var until = OpensAtTry > 0 ? Task.Run(() => { }) : _opened.Task;
            decoding = Decoding.Later(new(until, "the registry does not answer"));
            return true;
        }

        public override byte[] Answer(TextEvent decoded, in Analysis analysis) => throw new InvalidOperationException("Finds no text.");
    }

    /// <summary>Keeps which events were said to wait.</summary>
    private sealed class HoldingSource(InMemorySource inner) : IEventSource
    {
        public ConcurrentQueue<SourcePosition> Held { get; } = [];

        public ConcurrentQueue<SourcePosition> Released { get; } = [];

        public ConcurrentQueue<SourcePosition> Acknowledged => inner.Acknowledged;

        public Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping) =>
            inner.ReceiveAsync(received, stopping);

        public void Acknowledge(SourcePosition position) => inner.Acknowledge(position);

        public void Hold(SourcePosition position) => Held.Enqueue(position);

        public void Release(SourcePosition position) => Released.Enqueue(position);

        public ValueTask CompleteAsync(CancellationToken abort) => inner.CompleteAsync(abort);
    }
}
