using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Events;
using MtlStream.Host.Measuring;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench tokenizer</c>: one thread, texts in memory.</summary>
internal static class BenchTokenizerCommand
{
    internal sealed record Report(double TokensPerSecond, double MegabytesPerSecond, double AllocatedBytesPerEvent);

    public static Command Build()
    {
        var (input, model, seconds, repetitions, json) =
            (CommonOptions.Input(), CommonOptions.Model(), BenchInput.Seconds(3), BenchInput.Repetitions(), CommonOptions.JsonReport());
        var plain = new Option<bool>("--plain") { Description = "Without splitting into words first, as other tokenizers are measured." };
        var command = new CliCommand(
            "tokenizer", "Measures the tokenizer on one thread; megabytes are of the text as UTF-8.",
            "mtlstream bench tokenizer --input comments.jsonl.gz --json")
        {
            input, model, plain, seconds, repetitions, json,
        };
        command.SetAction(async (parsed, stopping) =>
        {
            var manifest = PipelineAssembly.FindPackage(parsed.GetRequiredValue(model));
            var settings = parsed.GetValue(plain) ? manifest.Tokenizer with { SplitWords = false } : manifest.Tokenizer;
            var tokenizer = TextTokenizer.Load(settings, new());
            var texts = BenchInput.Decode(await BenchInput.ReadAsync(parsed.GetRequiredValue(input), new(), stopping), new());
            var report = Measure(tokenizer, texts, parsed.GetValue(seconds), parsed.GetValue(repetitions), stopping);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.TokensPerSecond:N0} tokens/s, {report.MegabytesPerSecond:N1} MB/s, {report.AllocatedBytesPerEvent:N1} B allocated per event, one thread"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static Report Measure(TextTokenizer tokenizer, List<TextEvent> texts, double seconds, int repetitions, CancellationToken stopping)
    {
        var time = TimeProvider.System;
        var bytes = texts.Sum(BenchInput.Utf8Bytes);
        var (tokens, elapsed) = Pass(tokenizer, texts, time, stopping); // also fills pools and compiles the hot path
        var passes = (int)Math.Max(1, seconds / elapsed.TotalSeconds);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var rates = Enumerable.Range(0, repetitions)
            .Select(_ => passes / Enumerable.Range(0, passes).Sum(_ => Pass(tokenizer, texts, time, stopping).Elapsed.TotalSeconds)).ToList();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var rate = BenchInput.Median(rates);
        return new(Math.Round(rate * tokens), Math.Round(rate * bytes / 1e6, 2), Math.Round((double)allocated / ((long)texts.Count * passes * repetitions), 2));
    }

    private static (long Tokens, TimeSpan Elapsed) Pass(TextTokenizer tokenizer, List<TextEvent> texts, TimeProvider time, CancellationToken stopping)
    {
        stopping.ThrowIfCancellationRequested();
        var (tokens, started) = (0L, time.GetTimestamp());
        foreach (var text in texts)
        {
            using var tokenized = tokenizer.Tokenize(text.Text);
            tokens += tokenized.Tokens.Length;
        }

        return (tokens, time.GetElapsedTime(started));
    }
}
