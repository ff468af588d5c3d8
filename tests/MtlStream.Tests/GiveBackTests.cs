using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests;

/// <summary>A stop with more in flight than can be scored in time.</summary>
public sealed class GiveBackTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task What_is_not_scored_in_half_of_the_time_is_given_back_and_the_run_ends_well()
    {
        const int Events = 5000;
        var source = new InMemorySource(Enumerable.Range(0, Events).Select(_ => """{"text":"good morning"}"""), endless: true);
        var sink = new RecordingSink();
        using var slow = new SemaphoreSlim(1); // one batch; then the model takes its time
        // One worker: of two the second might take what is let through, and nothing is published before the batch of the first.
        var model = new TableModel { Workers = 1, Refuse = _ => slow.Wait(s_deadline) ? null : throw new TimeoutException() };
        using var stopping = new CancellationTokenSource();
        var time = new DrainTime(new DeliveryOptions().DrainTimeout / 2);

        var run = Pipeline(source, sink, model, time).RunAsync(stopping.Token);
        await sink.Reached.Task.WaitAsync(s_deadline);
        while (source.Received < 37 * 3) await Task.Delay(5);
        await stopping.CancelAsync();
        await time.Draining.Task.WaitAsync(s_deadline);
        time.Advance(new DeliveryOptions().DrainTimeout / 2);
        slow.Release(100); // what the model has, it ends
        await run.WaitAsync(s_deadline);

        Assert.True(source.Completed);
        var answered = source.Acknowledged.Select(p => p.Offset).ToList();
        Assert.InRange(answered.Count, 1, source.Received - 1);
        Assert.Equal(Enumerable.Range(0, answered.Count).Select(i => (long)i), answered); // in order, and nothing behind a gap
        Assert.Equal(answered.Count, sink.To(Destination.Results).Count());
    }

    private static AnalyticsPipeline Pipeline(IEventSource source, IOutboundSink sink, TableModel model, TimeProvider time) => new(
        source, new EventDecoder(new()), Make.Tokenizer(maxTokens: 16, overlap: 4), model, new EventEncoder(new(), model.Identity),
        sink, new(new(), new BatchingOptions { MaxRows = 4, LookAhead = 8 }, new DeliveryOptions()),
        new PipelineMetrics(new MeterFactory()), time, NullLogger<AnalyticsPipeline>.Instance);
}
