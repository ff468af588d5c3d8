using System.Text;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Results;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Host;

public sealed class LineSinkTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Neither_the_timer_nor_the_end_waits_for_a_reader_that_does_not_read()
    {
        using var results = new FullPipe();
        var time = new FakeTimeProvider();
        using var sink = new LineSink(results, Stream.Null, time);
        var publishing = Task.Run(() => PublishAsync(sink, new byte[1 << 20])); // more than is buffered
        try
        {
            await results.Reached.Task.WaitAsync(s_limit);

            await Task.Run(() => time.Advance(TimeSpan.FromMinutes(1))).WaitAsync(s_limit);
            await Task.Run(sink.Dispose).WaitAsync(s_limit);
        }
        finally
        {
            results.LetThrough();
            await publishing;
        }
    }

    [Fact]
    public async Task What_was_published_is_written_when_a_run_ends_without_flushing()
    {
        using var results = new MemoryStream();
        using var sink = new LineSink(results, Stream.Null, new FakeTimeProvider());
        await PublishAsync(sink, "{}"u8.ToArray());

        sink.Dispose();

        Assert.Equal("{}\n", Encoding.UTF8.GetString(results.ToArray()));
    }

    [Fact]
    public async Task A_reader_that_went_away_costs_no_rejected_line()
    {
        using var rejects = new MemoryStream();
        using var sink = new LineSink(new BrokenPipe(), rejects, new FakeTimeProvider());
        await PublishAsync(sink, "{}"u8.ToArray());
        await sink.PublishAsync(
            EventEncoder.EncodeDeadLetter(new(RejectionReason.EmptyText, "decode", "a reason", Make.Record(1))), (_, _, _) => { }, CancellationToken.None);

        await Assert.ThrowsAsync<IOException>(() => sink.FlushAsync(CancellationToken.None));
        sink.Dispose();

        Assert.EndsWith("}\n", Encoding.UTF8.GetString(rejects.ToArray()), StringComparison.Ordinal);
    }

    private static async Task PublishAsync(LineSink sink, byte[] payload) =>
        await sink.PublishAsync(Make.Outbound(Make.Record(0)) with { Payload = payload }, (_, _, _) => { }, CancellationToken.None);

    /// <summary>A write into it ends when it is let through.</summary>
    private sealed class FullPipe : MemoryStream
    {
        private readonly TaskCompletionSource _read = new();

        /// <summary>Completes when somebody writes.</summary>
        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void LetThrough() => _read.TrySetResult();

        public override void Write(byte[] buffer, int offset, int count)
        {
            Reached.TrySetResult();
            _read.Task.GetAwaiter().GetResult();
            base.Write(buffer, offset, count);
        }
    }

    private sealed class BrokenPipe : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("Nobody reads.");
    }
}
