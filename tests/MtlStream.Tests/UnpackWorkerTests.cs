using System.IO.Compression;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests;

public sealed class UnpackWorkerTests
{
    private const int Each = 1000; // bytes of an event when it is unpacked

    private readonly Channel<IReadOnlyList<SourceRecord>> _received = Channel.CreateBounded<IReadOnlyList<SourceRecord>>(100);
    private readonly Channel<IReadOnlyList<SourceRecord>> _unpacked = Channel.CreateBounded<IReadOnlyList<SourceRecord>>(100);

    [Fact]
    public async Task What_is_unpacked_and_not_answered_is_bounded_and_comes_in_order()
    {
        var budget = new ByteBudget(3 * Each);
        await _received.Writer.WriteAsync([.. Enumerable.Range(0, 40).Select(i => i % 4 == 3 ? Plain(i) : Packed(i))]);
        _received.Writer.Complete();
        var run = new UnpackWorker(new(new()), budget, CancellationToken.None).RunAsync(_received, _unpacked, CancellationToken.None);

        var (passed, held) = (new List<SourceRecord>(), new Queue<SourceRecord>());
        while (passed.Count < 40)
        {
            foreach (var record in await _unpacked.Reader.ReadAsync())
            {
                passed.Add(record);
                held.Enqueue(record);
            }

            Assert.InRange(held.Sum(r => r.UnpackedBytes), 0, 3 * Each);
            while (held.TryDequeue(out var answered))
            {
                budget.GiveBack(answered.UnpackedBytes);
                if (answered.UnpackedBytes > 0) break;
            }
        }

        await run;
        Assert.Equal(Enumerable.Range(0, 40), passed.Select(r => (int)r.Position.Offset));
        Assert.All(passed, r => Assert.Equal(r.Position.Offset % 4 == 3, r.Unpacked is null));
    }

    [Fact]
    public async Task What_is_larger_than_all_the_room_goes_alone()
    {
        var budget = new ByteBudget(Each / 2);
        await _received.Writer.WriteAsync([Packed(0), Packed(1)]);
        _received.Writer.Complete();
        var run = new UnpackWorker(new(new()), budget, CancellationToken.None).RunAsync(_received, _unpacked, CancellationToken.None);

        var first = Assert.Single(await _unpacked.Reader.ReadAsync());
        Assert.False(_unpacked.Reader.TryPeek(out _));
        budget.GiveBack(first.UnpackedBytes);

        Assert.Equal(1, Assert.Single(await _unpacked.Reader.ReadAsync()).Position.Offset);
        await run;
    }

    [Fact]
    public async Task What_is_damaged_or_not_packed_goes_on_as_it_is()
    {
        var damaged = Plain(0) with { Payload = [0x1F, 0x8B, 0x08, 1, 2, 3] };
        IReadOnlyList<SourceRecord> chunk = [damaged, Plain(1), Plain(2) with { Payload = null }];
        await _received.Writer.WriteAsync(chunk);
        _received.Writer.Complete();

        await new UnpackWorker(new(new()), new ByteBudget(1), CancellationToken.None).RunAsync(_received, _unpacked, CancellationToken.None);

        Assert.Same(chunk, await _unpacked.Reader.ReadAsync());
    }

    [Fact]
    public async Task What_waits_for_room_when_events_are_given_back_goes_on_as_it_is()
    {
        using var giveBack = new CancellationTokenSource();
        IReadOnlyList<SourceRecord> chunk = [Packed(0), Packed(1), Packed(2)];
        await _received.Writer.WriteAsync(chunk);
        _received.Writer.Complete();
        var run = new UnpackWorker(new(new()), new ByteBudget(Each), giveBack.Token).RunAsync(_received, _unpacked, CancellationToken.None);

        Assert.Single(await _unpacked.Reader.ReadAsync());
        await giveBack.CancelAsync();

        Assert.Equal(chunk.Skip(1), await _unpacked.Reader.ReadAsync());
        await run;
    }

    [Fact]
    public void What_a_frame_says_is_packed_counts_as_well()
    {
        var json = Encoding.UTF8.GetBytes("{\"text\":\"a good day\"}");
        var zlib = new MemoryStream();
        using (var stream = new ZLibStream(zlib, CompressionLevel.Optimal)) stream.Write(json);
        byte[] glue = [3, 5, .. new byte[16], .. zlib.ToArray()];

        Assert.Equal(json, new EventDecoder(new()).Unpack(Plain(0) with { Payload = glue }));
    }

    [Fact]
    public async Task A_pipeline_gives_back_what_it_has_taken_whatever_becomes_of_the_events()
    {
        var budget = new PipelineOptions { MaxUnpackedBytes = 1 << 20 };
        var payloads = Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? Gzip("not json", 600_000) : Gzip("{\"text\":\"good\"}", 600_000)).ToList();
        var source = new PackedSource(payloads);
        var sink = new RecordingSink();
        var model = new TableModel();
        var pipeline = new AnalyticsPipeline(
            source, new EventDecoder(new()), Make.Tokenizer(maxTokens: 16, overlap: 4), model, new(new(), model.Identity), sink,
            new(budget, new(), new()), new(new MeterFactory()), TimeProvider.System, NullLogger<AnalyticsPipeline>.Instance);

        await pipeline.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(2));

        Assert.Equal((40, 20), (sink.To(Destination.Results).Count(), sink.To(Destination.DeadLetters).Count()));
        Assert.Equal(60, source.Acknowledged);
    }

    private static SourceRecord Plain(int offset) => Make.Record(offset);

    private static SourceRecord Packed(int offset) => Make.Record(offset) with { Payload = Gzip("{}", Each) };

    private static byte[] Gzip(string text, int bytes)
    {
        var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Optimal)) stream.Write(Encoding.UTF8.GetBytes(text.PadRight(bytes)));
        return packed.ToArray();
    }

    private sealed class PackedSource(IReadOnlyList<byte[]> payloads) : IEventSource
    {
        private int _acknowledged;

        public int Acknowledged => _acknowledged;

        public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping) =>
            await received.WriteAsync([.. payloads.Select((p, i) => Make.Record(i) with { Payload = p })], stopping);

        public void Acknowledge(SourcePosition position) => Interlocked.Increment(ref _acknowledged);

        public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;
    }
}
