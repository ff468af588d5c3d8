using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Host.Measuring;
using MtlStream.Models;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench pipeline</c>: everything but Kafka, against the model alone on the same texts.</summary>
internal static class BenchPipelineCommand
{
    /// <param name="Events">Events of one repetition; 0 for what the model takes in <paramref name="Seconds"/>.</param>
    internal sealed record Request(long Events, double Seconds, int Repetitions);

    /// <param name="EventsPerSecond">Median over the repetitions, like all rates.</param>
    /// <param name="TokensPerSecond">[CLS] and [SEP] included, padding not.</param>
    /// <param name="PaddingShare">Padding tokens over all tokens that the model computed.</param>
    /// <param name="CeilingShare">Median of the repetitions' ratios to the model alone; null when that was not measured.</param>
    /// <param name="P50Ms">From handing an event over to its encoded result, at 70 % of the rate.</param>
    /// <param name="AllocatedBytesPerEvent">On the managed heap, without the results' own bytes.</param>
    /// <param name="CpuMicrosecondsPerEvent">Processor time of the process, all cores together.</param>
    /// <param name="CeilingCpuMicrosecondsPerEvent">The same of the model alone.</param>
    /// <param name="WorkingSetMegabytes">After each repetition.</param>
    internal sealed record Report(
        double EventsPerSecond, double TokensPerSecond, double PaddingShare, double? CeilingShare, double P50Ms, double P99Ms,
        double AllocatedBytesPerEvent, double? CeilingEventsPerSecond, double CpuMicrosecondsPerEvent, double? CeilingCpuMicrosecondsPerEvent, double TokensPerEvent, long Events, int Repetitions, long Rejected,
        string Model, string Device, int Lanes, IReadOnlyList<double> CeilingShares, IReadOnlyList<double> WorkingSetMegabytes, int Gen2Collections);

    public static Command Build()
    {
        var (input, model, device, tasks, json) =
            (CommonOptions.Input(), CommonOptions.Model(), CommonOptions.Device(), CommonOptions.Tasks(), CommonOptions.JsonReport());
        var (events, seconds, repetitions) = (BenchInput.Events(), BenchInput.Seconds(5), BenchInput.Repetitions());
        var alone = new Option<bool>("--no-ceiling") { Description = "Leaves out measuring the model alone." };
        var command = new CliCommand(
            "pipeline", "Measures decode, tokenize, batch, score and encode in memory. ceilingShare: of the model alone on the same texts, in turns in the same run. p50Ms, p99Ms: at 70 % of that rate. Also takes --Section:Key=value.",
            "mtlstream bench pipeline --input comments.jsonl.gz --json",
            "mtlstream bench pipeline --input comments.jsonl.gz --Batching:MaxRows=32 --Model:RowsPerCall=32",
            "mtlstream bench pipeline --input comments.jsonl.gz --model null")
        {
            input, model, device, tasks, events, seconds, repetitions, alone, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, stopping) =>
        {
            var settings = BenchInput.Settings(parsed.UnmatchedTokens, parsed.GetRequiredValue(model), parsed.GetRequiredValue(device));
            using var assembly = PipelineAssembly.ForTool();
            var lines = await BenchInput.ReadAsync(parsed.GetRequiredValue(input), settings.Input, stopping);
            var named = parsed.GetRequiredValue(tasks);
            using var loaded = assembly.LoadModel(settings.Model with { Tasks = named.Length > 0 ? named : settings.Model.Tasks }, settings.Tokenization, settings.Batching);
            using var bench = new PipelineBench(assembly, loaded, lines, settings, hasModel: loaded.Model is not NullModel, hasCeiling: loaded.Model is not NullModel && !parsed.GetValue(alone), Console.Error);
            var request = new Request(parsed.GetValue(events), parsed.GetValue(seconds), parsed.GetValue(repetitions));
            var report = await bench.MeasureAsync(request, stopping);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.EventsPerSecond:N1} events/s, {(report.CeilingShare is { } share ? $"{share:P1} of the model alone, " : "")}{report.TokensPerSecond:N0} tokens/s, padding {report.PaddingShare:P1}, latency p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms, {report.AllocatedBytesPerEvent:N0} B per event{(report.Rejected > 0 ? $"; {report.Rejected:N0} of {report.Events:N0} events were rejected" : "")}"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }
}
