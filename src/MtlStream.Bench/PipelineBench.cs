using System.Diagnostics;
using System.Globalization;
using MtlStream.Events;

namespace MtlStream.Bench;

/// <summary>Runs the pipeline between two ends in memory, in turn with the model's ceiling on the same events.</summary>
/// <param name="hasModel">False for the null model, which costs nothing.</param>
/// <param name="hasCeiling">Whether to measure the model alone in each repetition.</param>
internal sealed class PipelineBench(
    PipelineAssembly assembly, LoadedModel loaded, IReadOnlyList<byte[]> events, BenchSettings settings, bool hasModel, bool hasCeiling, TextWriter progress) : IDisposable
{
    /// <summary>Share of the highest rate at which latency is measured; at the highest itself it would only say how much waits.</summary>
    private const double PacedLoad = 0.7;

    private const int WarmUpEvents = 256;
    private const long NullModelEvents = 200_000;

    private readonly EventDecoder _decoder = new(settings.Input);
    private readonly MeasuredModel _model = new(loaded.Model);
    private readonly Batching.BatchShape _shape = settings.Pipeline.Batching.Over(loaded.Model.Shape);

    // Enough to fill every stage and still leave rows to choose neighbours from, as a worker has (Kafka:MaxInFlightEvents); more only waits.
    private int InFlight => Math.Max(1024, 16 * _shape.MaxSequences * loaded.Model.Workers);

    private sealed record Run(double EventsPerSecond, double TokensPerSecond, double AllocatedPerEvent, double CpuMicroseconds, long Rejected);

    public async Task<PipelineBenchReport> MeasureAsync(PipelineBenchRequest request, CancellationToken stopping)
    {
        var ceiling = hasModel ? Ceiling(0, WarmUpEvents, stopping).EventsPerSecond : 0;
        if (hasModel) ceiling = Ceiling(WarmUpEvents, Math.Max(WarmUpEvents, (long)ceiling), stopping).EventsPerSecond; // about a second
        var count = request.Events > 0 ? request.Events : hasModel ? Math.Max(WarmUpEvents, (long)(ceiling * request.Seconds)) : NullModelEvents;
        await RunAsync(Math.Max(WarmUpEvents, count / 4), 0, stopping);

        var (runs, ceilings, shares, memory) = (new List<Run>(), new List<(double EventsPerSecond, double CpuMicroseconds)>(), new List<double>(), new List<double>());
        var (tokens, computed, padding, gen2) = (_model.Tokens, _model.Computed, _model.Padding, GC.CollectionCount(2));
        for (var repetition = 0; repetition < request.Repetitions; repetition++)
        {
            // The same events each time: streams are often sorted, and what is compared has to be alike.
            if (hasCeiling) ceilings.Add(Ceiling(0, count, stopping));
            runs.Add(await RunAsync(count, 0, stopping));
            if (hasCeiling) shares.Add(runs[^1].EventsPerSecond / ceilings[^1].EventsPerSecond);
            memory.Add(Math.Round(Environment.WorkingSet / 1e6, 1));
            var told = string.Create(CultureInfo.InvariantCulture, $"{repetition + 1}: {runs[^1].EventsPerSecond:N0} events/s");
            if (hasCeiling) told += string.Create(CultureInfo.InvariantCulture, $", ceiling {ceilings[^1].EventsPerSecond:N0}, share {shares[^1]:P1}");
            progress.WriteLine(told);
        }

        tokens = _model.Tokens - tokens;
        computed = _model.Computed - computed;
        padding = _model.Padding - padding;
        gen2 = GC.CollectionCount(2) - gen2;
        var rate = BenchInput.Median(runs.Select(r => r.EventsPerSecond));
        using var latency = new LatencyListener("messaging.process.duration", assembly.Meters);
        await RunAsync((long)Math.Max(WarmUpEvents, Math.Min(count, rate * PacedLoad * request.Seconds)), rate * PacedLoad, stopping);

        return new(
            Math.Round(rate, 1), Math.Round(BenchInput.Median(runs.Select(r => r.TokensPerSecond))), Math.Round(padding / Math.Max(1.0, computed), 4),
            hasCeiling ? Math.Round(BenchInput.Median(shares), 4) : null,
            latency.Latency.Percentile(0.5), latency.Latency.Percentile(0.99), Math.Round(BenchInput.Median(runs.Select(r => r.AllocatedPerEvent))),
            hasCeiling ? Math.Round(BenchInput.Median(ceilings.Select(c => c.EventsPerSecond)), 1) : null,
            Math.Round(BenchInput.Median(runs.Select(r => r.CpuMicroseconds)), 2), hasCeiling ? Math.Round(BenchInput.Median(ceilings.Select(c => c.CpuMicroseconds)), 2) : null,
            Math.Round(tokens / (double)(count * request.Repetitions), 2), count, request.Repetitions, runs.Sum(r => r.Rejected),
            loaded.Model.Identity.Name, loaded.Model.Identity.Device, loaded.Model.Workers,
            [.. shares.Select(s => Math.Round(s, 4))], memory, gen2);
    }

    public void Dispose() => _model.Dispose();

    private (double EventsPerSecond, double CpuMicroseconds) Ceiling(long first, long count, CancellationToken stopping) =>
        ModelCeiling.Run(loaded, _shape, events.Range(first, count), _decoder, stopping);

    private async Task<Run> RunAsync(long count, double rate, CancellationToken stopping)
    {
        await using var ends = new MemoryEnds(events, count, InFlight, rate, assembly.Time);
        var pipeline = assembly.Pipeline(
            loaded with { Model = _model }, ends, settings.Input, settings.Output, settings.Pipeline);
        var (tokens, allocated, cpu, started) = (_model.Tokens, GC.GetTotalAllocatedBytes(precise: true), Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        await pipeline.RunAsync(stopping, CancellationToken.None);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        (cpu, allocated) = (Environment.CpuUsage.TotalTime - cpu, GC.GetTotalAllocatedBytes(precise: true) - allocated);
        stopping.ThrowIfCancellationRequested();
        return new(ends.Acknowledged / seconds, (_model.Tokens - tokens) / seconds, (allocated - ends.ResultBytes) / (double)ends.Acknowledged, cpu.TotalMicroseconds / ends.Acknowledged, ends.Rejected);
    }
}
