using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Bench;
using MtlStream.Generation;
using MtlStream.Onnx.Generation;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench generate</c>: one thread, texts in memory.</summary>
internal static class BenchGenerateCommand
{
    public static Command Build()
    {
        var (input, repetitions, json) = (CommonOptions.Input(), BenchOptions.Repetitions(), CommonOptions.JsonReport());
        var package = new Option<string>("--generator") { Description = "Folder of a package that model import wrote, or FOLDER/NAME for a text that a model package writes.", HelpName = "DIR", Required = true };
        var rows = new Option<int>("--rows") { Description = "Most rows of a batch, running or fixed.", HelpName = "N", DefaultValueFactory = _ => new GenerationOptions().MaxRows };
        var sentences = new Option<int>("--sentences") { Description = "Texts of the input that are written about.", HelpName = "N", DefaultValueFactory = _ => 1000 };
        foreach (var count in new[] { rows, sentences }) count.Validators.Add(given => CommonOptions.RequirePositive(given, count.Name));
        var command = new CliCommand(
            "generate", "Measures a model that writes texts, greedy and on one thread: a running batch against fixed ones.",
            "mtlstream bench generate --generator models/en-de --input comments.jsonl.gz --json")
        {
            package, input, rows, sentences, repetitions, json,
        };
        command.SetAction(async (parsed, stopping) =>
        {
            var lines = await BenchOptions.ReadAsync(parsed.GetRequiredValue(input), new(), stopping);
            var texts = BenchInput.Decode(lines, new()).Take(parsed.GetValue(sentences)).Select(t => t.Text.ToString()).ToList();
            var options = new GenerationOptions { Beams = 1, MaxRows = parsed.GetValue(rows), MaxTokensInFlight = 1 << 20 };
            using var generator = Load(parsed.GetRequiredValue(package), options);
            var report = GenerationBench.Measure(generator, options, texts, parsed.GetValue(repetitions), stopping);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.SentencesPerSecond:N1} texts/s, {report.TokensPerSecond:N0} tokens/s, {report.RowsPerStep:N1} rows a step; fixed batches: {report.FixedSentencesPerSecond:N1} texts/s, {report.Speedup:N2} times"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static TextGenerator Load(string folder, GenerationOptions options)
    {
        if (Directory.Exists(folder)) return GeneratorLoader.Load("measured", folder, options);
        var (package, name) = (Path.GetDirectoryName(folder) ?? "", Path.GetFileName(folder));
        if (!GeneratorManifest.NamesIn(package).Contains(name)) throw new UsageException($"--generator: the folder {folder} does not exist.");
        return GeneratorLoader.Load(name, package, options);
    }
}
