using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Host.Configuration;
using MtlStream.Host.Measuring;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench pipeline</c>: everything but Kafka, against the model alone on the same texts.</summary>
internal static class BenchPipelineCommand
{
    /// <summary>Share of the highest rate at which latency is measured; at the highest itself it would only say how much waits.</summary>
    internal const double LatencyLoad = 0.7;

    private const int EstimateEvents = 1024;

    /// <param name="CeilingShare">Of the model alone in the same run; median of the repetitions' shares.</param>
    /// <param name="AllocatedBytesPerEvent">Managed memory, less the bytes of the results.</param>
    internal sealed record Report(
        double EventsPerSecond, double TokensPerSecond, double PaddingShare, double CeilingShare, double P50Ms, double P99Ms,
        double AllocatedBytesPerEvent, double CeilingEventsPerSecond, int Events, int Repetitions);

    private sealed record Run(double Seconds, long Tokens, double PaddingShare, double AllocatedBytesPerEvent, LatencyHistogram Latency);

    public static Command Build()
    {
        var (input, model, device, tasks, json) =
            (CommonOptions.Input(), CommonOptions.Model(), CommonOptions.Device(), CommonOptions.Tasks(), CommonOptions.JsonReport());
        var (seconds, repetitions) = (BenchInput.Seconds(5), BenchInput.Repetitions());
        var command = new CliCommand(
            "pipeline", "Measures decode, tokenize, batch, score and encode in memory. ceilingShare: of the model alone on the same texts, in turns in the same run. p50Ms, p99Ms: at 70 % of that rate. Also takes --Section:Key=value.",
            "mtlstream bench pipeline --input comments.jsonl.gz --json",
            "mtlstream bench pipeline --input comments.jsonl.gz --Batching:MaxRows=32 --Model:RowsPerCall=32")
        {
            input, model, device, tasks, seconds, repetitions, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, stopping) =>
        {
            var settings = BenchInput.Settings(parsed.UnmatchedTokens);
            using var assembly = PipelineAssembly.ForTool();
            var lines = await BenchInput.ReadAsync(parsed.GetRequiredValue(input), stopping);
            var options = settings.Model with
            {
                Path = parsed.GetRequiredValue(model), Device = parsed.GetRequiredValue(device), Tasks = parsed.GetRequiredValue(tasks),
            };
            using var loaded = assembly.LoadModel(options, settings.Tokenization);
            var report = await MeasureAsync(assembly, loaded, settings, lines, parsed.GetValue(seconds), parsed.GetValue(repetitions), stopping);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.EventsPerSecond:N1} events/s, {report.CeilingShare:P1} of the model alone, {report.TokensPerSecond:N0} tokens/s, padding {report.PaddingShare:P1}, latency p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms, {report.AllocatedBytesPerEvent:N0} B per event"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<Report> MeasureAsync(
        PipelineAssembly assembly, LoadedModel loaded, AppSettings settings, IReadOnlyList<byte[]> lines, double seconds, int repetitions, CancellationToken stopping)
    {
        var estimate = ModelCeiling.Estimate(
            loaded, BenchInput.Tokenize(lines.Take(EstimateEvents), settings.Input, loaded.Tokenizer), assembly.Time, stopping);
        var payloads = BenchInput.Take(lines, Math.Clamp((int)(estimate * seconds), Math.Min(lines.Count, EstimateEvents), Math.Max(lines.Count, EstimateEvents)));
        var batches = ModelCeiling.Batches(BenchInput.Tokenize(payloads, settings.Input, loaded.Tokenizer), settings.Batching.Over(loaded.Model.Shape));

        await RunAsync(assembly, loaded, settings, BenchInput.Take(payloads, EstimateEvents), 0, stopping);
        var (runs, ceilings) = (new List<Run>(), new List<double>());
        for (var i = 0; i < repetitions; i++)
        {
            ceilings.Add(ModelCeiling.Run(loaded.Model, batches, assembly.Time, stopping));
            runs.Add(await RunAsync(assembly, loaded, settings, payloads, 0, stopping));
        }

        var rate = payloads.Count / BenchInput.Median(runs.Select(r => r.Seconds));
        var paced = BenchInput.Take(payloads, Math.Max(1, (int)(rate * LatencyLoad * seconds)));
        var latency = (await RunAsync(assembly, loaded, settings, paced, rate * LatencyLoad, stopping)).Latency;
        return new(
            Math.Round(rate, 1), Math.Round(runs[0].Tokens * rate / payloads.Count), Math.Round(runs[0].PaddingShare, 4),
            Math.Round(BenchInput.Median(ceilings.Zip(runs, (ceiling, run) => ceiling / run.Seconds)), 4),
            latency.Percentile(0.5), latency.Percentile(0.99), Math.Round(BenchInput.Median(runs.Select(r => r.AllocatedBytesPerEvent)), 1),
            Math.Round(payloads.Count / BenchInput.Median(ceilings), 1), payloads.Count, repetitions);
    }

    private static async Task<Run> RunAsync(
        PipelineAssembly assembly, LoadedModel loaded, AppSettings settings, IReadOnlyList<byte[]> payloads, double rate, CancellationToken stopping)
    {
        var metered = new MeteredModel(loaded.Model);
        using var source = new MemorySource(payloads, rate, assembly.Time);
        var sink = new MemorySink(assembly.Time);
        var pipeline = assembly.Pipeline(
            loaded with { Model = metered }, source, sink, settings.Input, settings.Output,
            new(settings.Pipeline, settings.Batching, settings.Delivery));
        var (allocated, started) = (GC.GetTotalAllocatedBytes(precise: true), assembly.Time.GetTimestamp());
        await pipeline.RunAsync(stopping);
        var elapsed = assembly.Time.GetElapsedTime(started).TotalSeconds;
        stopping.ThrowIfCancellationRequested();
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        return new(elapsed, metered.Tokens, metered.PaddingShare, (double)(allocated - sink.PayloadBytes) / payloads.Count, sink.Latency);
    }
}
