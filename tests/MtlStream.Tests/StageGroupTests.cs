using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace MtlStream.Tests;

public sealed class StageGroupTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task What_fails_after_the_last_stage_is_told_as_a_failed_stage()
    {
        using var stages = new StageGroup(CancellationToken.None, CancellationToken.None);

        var failure = await Assert.ThrowsAsync<PipelineException>(() =>
            stages.CompleteAsync(_ => throw new IOException("no commit"), s_limit, _time));

        Assert.Equal("complete", failure.Stage);
        Assert.IsType<IOException>(failure.InnerException);
    }

    [Fact]
    public async Task A_time_out_after_the_last_stage_is_no_drain_that_takes_too_long()
    {
        using var stages = new StageGroup(CancellationToken.None, CancellationToken.None);

        var failure = await Assert.ThrowsAsync<PipelineException>(() =>
            stages.CompleteAsync(_ => throw new TimeoutException("of the broker"), s_limit, _time));

        Assert.Contains("of the broker", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_drain_that_is_complete_when_its_time_is_over_is_complete()
    {
        var (before, queue) = (SynchronizationContext.Current, new NewestFirst());
        var work = new TaskCompletionSource();
        SynchronizationContext.SetSynchronizationContext(queue);
        try
        {
            using var stages = new StageGroup(stopping: new(canceled: true), CancellationToken.None);
            var ended = stages.CompleteAsync(_ => new(work.Task), s_limit, _time);
            queue.RunAll();
            SynchronizationContext.SetSynchronizationContext(before); // else what waits would go on within these calls
            _time.Advance(s_limit); // over, and nobody has seen it yet
            work.SetResult();
            SynchronizationContext.SetSynchronizationContext(queue);
            queue.RunAll();

            Assert.True(ended.IsCompletedSuccessfully, $"{ended.Exception}");
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    [Fact]
    public async Task The_first_of_several_failures_is_told()
    {
        using var stages = new StageGroup(CancellationToken.None, CancellationToken.None);
        var first = new TaskCompletionSource();
        stages.Start<int>("one", (_, _) => { first.SetResult(); throw new IOException("one"); }, closes: null);
        stages.Start<int>("two", async (_, abort) =>
        {
            await first.Task;
            await Task.Delay(Timeout.Infinite, abort).ContinueWith(_ => { }, TaskScheduler.Default);
            throw new IOException("two");
        }, closes: null);

        var failure = await Assert.ThrowsAsync<PipelineException>(() => stages.CompleteAsync(_ => default, s_limit, _time));

        Assert.Equal("one", failure.Stage);
    }

    [Fact]
    public async Task A_stage_that_ends_closes_its_channel_once_all_its_workers_have()
    {
        using var stages = new StageGroup(CancellationToken.None, CancellationToken.None);
        var channel = Channel.CreateBounded<int>(10);
        stages.Start("stage", (worker, abort) => channel.Writer.WriteAsync(worker, abort).AsTask(), channel.Writer, workers: 3);

        await stages.CompleteAsync(_ => default, s_limit, _time);

        Assert.Equal([0, 1, 2], (await channel.Reader.ReadAllAsync().ToListAsync()).Order());
    }

    /// <summary>Runs what is posted when it is told to, the newest first: what came later is done before what came earlier is seen.</summary>
    private sealed class NewestFirst : SynchronizationContext
    {
        private readonly Stack<(SendOrPostCallback Callback, object? State)> _posted = new();

        public override void Post(SendOrPostCallback d, object? state) => _posted.Push((d, state));

        public void RunAll()
        {
            while (_posted.TryPop(out var next)) next.Callback(next.State);
        }
    }
}
