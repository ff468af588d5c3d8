using System.Globalization;
using System.Text;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;

namespace MtlStream.Bench;

/// <summary>Measures the worker from topic to topic, in turn with the bare client and, with a model, with the model's ceiling.</summary>
internal sealed class KafkaBench(
    PipelineAssembly assembly, IReadOnlyList<BenchWorker> workers, IReadOnlyList<byte[]> events, BenchSettings settings, KafkaOptions kafka,
    MockCluster? embedded, bool hasCeiling, TextWriter progress)
{
    private const double PacedLoad = 0.7;
    private const int WarmUpEvents = 256;
    private const long NullModelEvents = 200_000;

    /// <summary>The bare client takes this many in about a second.</summary>
    private const long BareEvents = 100_000;

    private readonly EventDecoder _decoder = new(settings.Input);
    private readonly LoadedModel _model = workers[0].Loaded;

    private sealed record Repetition(double Worker, double? AtLeastOnce, double Bare, double? Ceiling, double AllocatedPerEvent, double Cpu, double BareCpu);

    /// <exception cref="IOException">The broker cannot be used.</exception>
    public async Task<KafkaBenchReport> MeasureAsync(KafkaBenchRequest request, CancellationToken stopping)
    {
        var clients = new KafkaConfiguration(
            kafka with { GroupId = "mtlstream-bench" }, settings.Pipeline.Delivery with { Guarantee = DeliveryGuarantee.AtLeastOnce });
        await using var topics = await BenchTopics.CreateAsync(clients, embedded, request.Partitions, assembly.Time);
        var run = new WorkerRun(assembly, workers, settings, kafka, topics);

        var ceiling = hasCeiling ? Ceiling(Math.Max(WarmUpEvents, (long)Ceiling(WarmUpEvents, stopping)), stopping) : 0;
        var count = request.Events > 0 ? request.Events : hasCeiling ? Math.Max(WarmUpEvents, (long)(ceiling * request.Seconds)) : NullModelEvents;
        var stored = Math.Max(count, BareEvents);
        await topics.StoreAsync(events, stored, stopping);
        // Over the same events as a measurement, for both: streams are often sorted, and the bare client's payloads are to be as large as results are.
        await RunAsync(run, topics, request.Guarantee, count, 0, stopping);
        var added = (int)Math.Max(0, (run.Results.Bytes / (double)run.Results.Count) - MeanPayload(count));
        await BareAsync(clients, topics, stored, added, Group(0, "b"), stopping);

        var done = new List<Repetition>();
        for (var repetition = 1; repetition <= request.Repetitions; repetition++)
        {
            double? model = hasCeiling ? Ceiling(count, stopping) : null;
            var loop = await BareAsync(clients, topics, stored, added, Group(repetition, "b"), stopping);
            var bare = Measured(stored, loop.EventsPerSecond());
            double? other = request.Guarantee == DeliveryGuarantee.ExactlyOnce
                ? Measured(count, (await RunAsync(run, topics, DeliveryGuarantee.AtLeastOnce, count, repetition, stopping)).EventsPerSecond()) : null;
            var acknowledged = await RunAsync(run, topics, request.Guarantee, count, repetition, stopping);
            var worker = Measured(count, acknowledged.EventsPerSecond());
            done.Add(new(worker, other, bare, model, acknowledged.AllocatedPerEvent() - (2 * MeanPayload(count)) - added, acknowledged.CpuMicrosecondsPerEvent(), loop.CpuMicrosecondsPerEvent()));
            await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{repetition}: {worker:N0} events/s, bare client {bare:N0}{(model is { } m ? $", ceiling {m:N0}" : "")}{(other is { } o ? $", at least once {o:N0}" : "")}"));
        }

        var rate = request.Rate > 0 ? request.Rate : PacedLoad * BenchInput.Median(done.Select(r => r.Worker));
        var (p50, p99) = await PacedAsync(run, topics, request, rate, stopping);
        return Report(request, done, count, rate, p50, p99, added);
    }

    private static double Measured(long count, double rate) => double.IsFinite(rate) && rate > 0
        ? rate : throw new UsageException($"{count} events are acknowledged too soon to measure a rate: give more with --events.");

    private static string Group(int repetition, string kind) => $"{BenchTopics.Prefix}-{kind}{repetition}";

    private Task<RateMeter> RunAsync(WorkerRun run, BenchTopics topics, DeliveryGuarantee guarantee, long count, int repetition, CancellationToken stopping)
    {
        var (topic, fill) = topics.ForRun(events, count, stopping);
        return run.RunAsync(topic, Group(repetition, guarantee.ToString()), guarantee, count, fill, stopping);
    }

    /// <summary>The bare client over a topic from its start.</summary>
    /// <returns>The delivery reports, over time.</returns>
    private async Task<RateMeter> BareAsync(
        KafkaConfiguration clients, BenchTopics topics, long count, int added, string group, CancellationToken stopping)
    {
        var (input, fill) = topics.ForRun(events, count, stopping);
        var delivered = new RateMeter(assembly.Time);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var bare = new BareLoop(clients, topics.Copies);
        var loop = Task.Factory.StartNew(
            () => bare.Run(input, group, added, () => delivered.Add(), done.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            var meanwhile = fill(delivered);
            await delivered.WatchAsync(count, loop, stopping);
            await meanwhile;
        }
        finally
        {
            await done.CancelAsync();
        }

        await loop;
        return delivered;
    }

    private double Ceiling(long count, CancellationToken stopping) => ModelCeiling.Run(
        _model, settings.Pipeline.Batching.Over(_model.Model.Shape), events.Range(0, count), _decoder, stopping).EventsPerSecond;

    private double MeanPayload(long count) => Enumerable.Range(0, (int)Math.Min(count, events.Count)).Average(i => events[i].Length);

    /// <summary>Latency at a steady rate, from the events' Kafka timestamps to their durable results.</summary>
    private async Task<(double P50Ms, double P99Ms)> PacedAsync(WorkerRun run, BenchTopics topics, KafkaBenchRequest request, double rate, CancellationToken stopping)
    {
        var count = (long)Math.Max(1, rate * request.PacedSeconds);
        LatencyListener? latency = null;
        var acknowledged = await run.RunAsync(topics.Paced, Group(0, "p"), request.Guarantee, WarmUpEvents + count, Feed, stopping);
        using (latency)
        {
            if (request.Samples is { } path) await File.WriteAllTextAsync(path, Csv(acknowledged), stopping);
            return (latency!.Latency.Percentile(0.5), latency.Latency.Percentile(0.99));
        }

        // The first events wait for the group to form: they are not counted.
        async Task Feed(RateMeter meter)
        {
            using var writer = topics.Writer(lingerMs: 1);
            await topics.FillAsync(writer, topics.Paced, events.Range(0, WarmUpEvents), 0, null, stopping);
            while (meter.Count < WarmUpEvents) await Task.Delay(TimeSpan.FromMilliseconds(10), assembly.Time, stopping);
            latency = new("mtlstream.event.latency", assembly.Meters);
            await topics.FillAsync(writer, topics.Paced, events.Range(WarmUpEvents, count), rate, null, stopping);
        }
    }

    private static string Csv(RateMeter acknowledged)
    {
        var csv = new StringBuilder("seconds,acknowledged\n");
        foreach (var (seconds, count) in acknowledged.Samples) csv.Append(CultureInfo.InvariantCulture, $"{seconds:F3},{count}\n");
        return csv.ToString();
    }

    private KafkaBenchReport Report(
        KafkaBenchRequest request, List<Repetition> done, long count, double rate, double p50, double p99, int added)
    {
        var passthroughShares = Shares(r => r.Worker / r.Bare)!;
        var ceilingShares = Shares(r => r.Worker / r.Ceiling);
        var exactlyOnceShares = Shares(r => r.Worker / r.AtLeastOnce);
        return new(
            Math.Round(BenchInput.Median(done.Select(r => r.Worker)), 1), Median(ceilingShares), Math.Round(BenchInput.Median(done.Select(r => r.Bare)), 1),
            BenchInput.Median(passthroughShares), p50, p99,
            hasCeiling ? Math.Round(BenchInput.Median(done.Select(r => r.Ceiling!.Value)), 1) : null, Median(exactlyOnceShares),
            Math.Round(rate, 1), Math.Round(BenchInput.Median(done.Select(r => r.AllocatedPerEvent))), added, count, request.Repetitions, workers.Count,
            request.Guarantee == DeliveryGuarantee.ExactlyOnce ? "exactly-once" : "at-least-once", _model.Model.Identity.Name, _model.Model.Identity.Device,
            Math.Round(Environment.WorkingSet / 1e6, 1), Math.Round(BenchInput.Median(done.Select(r => r.Cpu)), 2),
            Math.Round(BenchInput.Median(done.Select(r => r.BareCpu)), 2), passthroughShares, ceilingShares, exactlyOnceShares);

        // null where the repetitions did not measure what the share is of
        List<double>? Shares(Func<Repetition, double?> share) => share(done[0]) is null ? null : [.. done.Select(r => Math.Round(share(r)!.Value, 4))];
        static double? Median(List<double>? shares) => shares is null ? null : BenchInput.Median(shares);
    }
}
