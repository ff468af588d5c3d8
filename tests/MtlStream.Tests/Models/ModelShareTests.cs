using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Serving;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Http;

namespace MtlStream.Tests.Models;

/// <summary>A stream and requests on one model.</summary>
public sealed class ModelShareTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly SemaphoreSlim _free = new(0);
    private readonly ConcurrentQueue<int> _started = []; // the length of the batch, which tells whose it is

    public void Dispose() => _free.Dispose();

    [Fact]
    public async Task A_request_goes_ahead_of_a_batch_of_the_stream_that_waits()
    {
        var share = Share(0.1);
        var running = PredictAsync(share.Stream, 10);
        await Wait.UntilAsync(() => _started.Count == 1);
        var next = PredictAsync(share.Stream, 11);
        var request = PredictAsync(share.Requests, 5);
        await Wait.UntilAsync(() => share.Calls == (2, 1));

        _free.Release(3);
        await Task.WhenAll(running, next, request);

        Assert.Equal([10, 5, 11], _started);
    }

    [Fact]
    public async Task Requests_that_used_up_their_share_let_the_stream_go_first()
    {
        var share = Share(0.1);
        await UseUpAsync(share);
        var running = PredictAsync(share.Stream, 10);
        await Wait.UntilAsync(() => _started.Count == 2);
        var request = PredictAsync(share.Requests, 5);
        var next = PredictAsync(share.Stream, 11);
        await Wait.UntilAsync(() => share.Calls == (2, 1));

        _free.Release(2);
        await Task.WhenAll(running, next);
        Assert.Equal([5, 10, 11], _started);

        _free.Release();
        _time.Advance(TimeSpan.FromSeconds(1)); // the stream has nothing to do
        await request;
        Assert.Equal([5, 10, 11, 5], _started);
    }

    [Fact]
    public async Task Credit_comes_back_with_time_while_the_stream_is_busy()
    {
        var share = Share(0.1);
        await UseUpAsync(share);
        var running = PredictAsync(share.Stream, 10);
        await Wait.UntilAsync(() => _started.Count == 2);
        var request = PredictAsync(share.Requests, 5);
        var next = PredictAsync(share.Stream, 11);
        await Wait.UntilAsync(() => share.Calls == (2, 1));

        _time.Advance(TimeSpan.FromSeconds(60));
        _free.Release(3);
        await Task.WhenAll(running, next, request);

        Assert.Equal([5, 10, 5, 11], _started);
    }

    [Fact]
    public async Task A_call_that_fails_leaves_the_model_free_for_the_next()
    {
        using var model = new TableModel { Workers = 1, Refuse = batch => batch.PaddedLength == 7 ? new InferenceException("no") : null };
        var share = new ModelShare(model, 0.1, _time);

        Assert.Throws<InferenceException>(() => share.Stream.Predict(Batch(7), 0));
        Assert.Throws<InferenceException>(() => share.Requests.Predict(Batch(7), 0));

        await PredictAsync(share.Stream, 8);
        await PredictAsync(share.Requests, 8);
    }

    private ModelShare Share(double share) => new(
        new TableModel
        {
            Workers = 1,
            Refuse = batch =>
            {
                _started.Enqueue(batch.PaddedLength);
                _free.Wait();
                return null;
            },
        }, share, _time);

    /// <summary>One long call of a request.</summary>
    private async Task UseUpAsync(ModelShare share)
    {
        var request = PredictAsync(share.Requests, 5);
        await Wait.UntilAsync(() => _started.Count == 1);
        _time.Advance(TimeSpan.FromSeconds(5));
        _free.Release();
        await request;
        Assert.Equal(5, share.SecondsTaken, 3);
    }

    private static Task PredictAsync(IMultitaskModel model, int length) => Task.Run(() => model.Predict(Batch(length), 0).Dispose());

    private static TokenBatch Batch(int length) => new([Make.Sequence(length)], length, BatchTrigger.DeviceFree);
}
