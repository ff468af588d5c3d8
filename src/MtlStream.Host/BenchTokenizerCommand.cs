using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Bench;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench tokenizer</c>: one thread, texts in memory.</summary>
internal static class BenchTokenizerCommand
{
    public static Command Build()
    {
        var (input, model, seconds, repetitions, json) =
            (CommonOptions.Input(), CommonOptions.Model(), BenchOptions.Seconds(3), BenchOptions.Repetitions(), CommonOptions.JsonReport());
        var plain = new Option<bool>("--plain") { Description = "Without splitting into words first, as other tokenizers are measured." };
        var command = new CliCommand(
            "tokenizer", "Measures the tokenizer on one thread; megabytes are of the text as UTF-8.",
            "mtlstream bench tokenizer --input comments.jsonl.gz --json")
        {
            input, model, plain, seconds, repetitions, json,
        };
        command.SetAction(async (parsed, stopping) =>
        {
            var manifest = ModelLoader.Find(parsed.GetRequiredValue(model));
            var settings = parsed.GetValue(plain) ? manifest.Tokenizer with { SplitWords = false } : manifest.Tokenizer;
            var tokenizer = TextTokenizer.Load(settings, new());
            var texts = BenchInput.Decode(await BenchOptions.ReadAsync(parsed.GetRequiredValue(input), new(), stopping), new());
            var report = TokenizerBench.Measure(tokenizer, texts, parsed.GetValue(seconds), parsed.GetValue(repetitions), stopping);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.TokensPerSecond:N0} tokens/s, {report.MegabytesPerSecond:N1} MB/s, {report.AllocatedBytesPerEvent:N1} B allocated per event, one thread"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }
}
