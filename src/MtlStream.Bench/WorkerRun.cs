using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Monitoring;

namespace MtlStream.Bench;

/// <summary>What a measurement tells the pipelines that it runs.</summary>
internal sealed record BenchSettings(InputOptions Input, OutputOptions Output, PipelineSettings Pipeline);

/// <summary>One of the workers that a measurement runs, as it serves.</summary>
internal sealed record BenchWorker(LoadedModel Loaded, DriftMonitor? Watch);

/// <summary>The worker's pipeline between two topics, in this process, one or several in one group.</summary>
internal sealed class WorkerRun(
    PipelineAssembly assembly, IReadOnlyList<BenchWorker> workers, BenchSettings settings, KafkaOptions kafka, BenchTopics topics)
{
    private static readonly KafkaStatus s_status = new();

    private readonly KafkaMetrics _metrics = new(assembly.Meters);
    private long _resultBytes;
    private long _resultCount;

    /// <summary>Bytes of all results, and how many there were, of all runs.</summary>
    public (long Bytes, long Count) Results => (Interlocked.Read(ref _resultBytes), Interlocked.Read(ref _resultCount));

    /// <summary>Runs until so many events are acknowledged; the rest of what is in flight is dropped.</summary>
    /// <param name="onceRunning">What to do when the workers have been started.</param>
    /// <returns>What was acknowledged, over time.</returns>
    public async Task<RateMeter> RunAsync(
        string input, string group, DeliveryGuarantee guarantee, long count, Func<RateMeter, Task> onceRunning, CancellationToken stopping)
    {
        var acknowledged = new RateMeter(assembly.Time);
        using var enough = new CancellationTokenSource();
        var running = workers.Select(w => RunOneAsync(w, input, group, guarantee, acknowledged, enough.Token)).ToList();
        var failed = Task.WhenAny(running).Unwrap();
        try
        {
            var meanwhile = onceRunning(acknowledged);
            await acknowledged.WatchAsync(count, failed, stopping);
            await meanwhile;
        }
        finally
        {
            await enough.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return acknowledged;
    }

    private async Task RunOneAsync(
        BenchWorker worker, string input, string group, DeliveryGuarantee guarantee, RateMeter acknowledged, CancellationToken enough)
    {
        var delivery = settings.Pipeline.Delivery with { Guarantee = guarantee, TransactionalId = "" };
        var options = kafka with { GroupId = group, InputTopics = [input], OutputTopic = topics.Results, DeadLetterTopic = topics.DeadLetters };
        await using var connection = new KafkaConnection(new(options, delivery), s_status, _metrics, assembly.Time, assembly.Loggers);
        await using var measured = new MeasuredTransport(connection, acknowledged, this);
        await assembly
            .Pipeline(worker.Loaded, measured, settings.Input, settings.Output, settings.Pipeline with { Delivery = delivery }, worker.Watch)
            .RunAsync(CancellationToken.None, enough);
    }

    private void NoteResult(int bytes)
    {
        Interlocked.Add(ref _resultBytes, bytes);
        Interlocked.Increment(ref _resultCount);
    }

    /// <summary>Counts what is acknowledged, and notes how large results are. Does not own the transport.</summary>
    private sealed class MeasuredTransport(ITransport transport, RateMeter acknowledged, WorkerRun run) : ITransport, IOutboundSink
    {
        public IEventSource Source { get; } = new CountedSource(transport.Source, acknowledged);
        public IOutboundSink Sink => this;

        // One set of instruments for all runs, whatever their topics and groups are called.
        public MessagingNames Names { get; } = new("kafka", "bench", "results", "rejected");

        public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
        {
            if (record.Destination == Destination.Results) run.NoteResult(record.Payload?.Length ?? 0);
            return transport.Sink.PublishAsync(record, reported, abort);
        }

        public Task FlushAsync(CancellationToken abort) => transport.Sink.FlushAsync(abort);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
