using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Bench;
using MtlStream.Models;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench pipeline</c>: everything but Kafka, against the model alone on the same texts.</summary>
internal static class BenchPipelineCommand
{
    public static Command Build()
    {
        var (input, model, device, tasks, json) =
            (CommonOptions.Input(), CommonOptions.Model(), CommonOptions.Device(), CommonOptions.Tasks(), CommonOptions.JsonReport());
        var (events, seconds, repetitions) = (BenchOptions.Events(), BenchOptions.Seconds(5), BenchOptions.Repetitions());
        var nullModel = BenchOptions.NullModel();
        var alone = new Option<bool>("--no-ceiling") { Description = "Leaves out measuring the model alone." };
        var command = new CliCommand(
            "pipeline", "Measures decode, tokenize, batch, score and encode in memory. ceilingShare: of the model alone on the same texts, in turns in the same run. p50Ms, p99Ms: at 70 % of that rate. Also takes --Section:Key=value.",
            "mtlstream bench pipeline --input comments.jsonl.gz --json",
            "mtlstream bench pipeline --input comments.jsonl.gz --Batching:MaxRows=32 --Model:RowsPerCall=32",
            "mtlstream bench pipeline --input comments.jsonl.gz --null-model")
        {
            input, nullModel, model, device, tasks, events, seconds, repetitions, alone, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, stopping) =>
        {
            var settings = BenchOptions.Settings(parsed.UnmatchedTokens, parsed.GetValue(nullModel), parsed.GetRequiredValue(model), parsed.GetRequiredValue(device));
            using var tool = new ToolServices();
            var lines = await BenchOptions.ReadAsync(parsed.GetRequiredValue(input), settings.Input, stopping);
            var named = parsed.GetRequiredValue(tasks);
            var options = settings.Model with { Tasks = named.Length > 0 ? named : settings.Model.Tasks };
            using var loaded = tool.Models.Load(options, settings.Tokenization, settings.Batching);
            var hasModel = loaded.Model is not NullModel;
            using var bench = new PipelineBench(
                tool.Pipelines, loaded, lines, settings.ForBench(), hasModel, hasCeiling: hasModel && !parsed.GetValue(alone), Console.Error);
            var request = new PipelineBenchRequest(parsed.GetValue(events), parsed.GetValue(seconds), parsed.GetValue(repetitions));
            var report = await bench.MeasureAsync(request, stopping);
            await Console.Out.WriteLineAsync(Summary(report));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static string Summary(PipelineBenchReport report)
    {
        var parts = new List<string> { string.Create(CultureInfo.InvariantCulture, $"{report.EventsPerSecond:N1} events/s") };
        if (report.CeilingShare is { } share) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{share:P1} of the model alone"));
        parts.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.TokensPerSecond:N0} tokens/s, padding {report.PaddingShare:P1}, latency p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms, " +
            $"{report.AllocatedBytesPerEvent:N0} B per event"));
        var summary = string.Join(", ", parts);
        if (report.Rejected == 0) return summary;
        return summary + string.Create(CultureInfo.InvariantCulture, $"; {report.Rejected:N0} of {report.Events:N0} events were rejected");
    }
}
