using System.Text;
using MtlStream.Events;
using MtlStream.Text;

namespace MtlStream.Bench;

internal sealed record TokenizerBenchReport(double TokensPerSecond, double MegabytesPerSecond, double AllocatedBytesPerEvent);

/// <summary>The tokenizer on one thread, over texts in memory.</summary>
internal static class TokenizerBench
{
    public static TokenizerBenchReport Measure(TextTokenizer tokenizer, List<TextEvent> texts, double seconds, int repetitions, CancellationToken stopping)
    {
        var time = TimeProvider.System;
        var bytes = texts.Sum(t => (long)Encoding.UTF8.GetByteCount(t.Text));
        var (tokens, elapsed) = Pass(tokenizer, texts, time, stopping); // also fills pools and compiles the hot path
        var passes = (int)Math.Max(1, seconds / elapsed.TotalSeconds);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var rates = Enumerable.Range(0, repetitions)
            .Select(_ => passes / Enumerable.Range(0, passes).Sum(_ => Pass(tokenizer, texts, time, stopping).Elapsed.TotalSeconds)).ToList();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var rate = BenchInput.Median(rates);
        var tokenized = (long)texts.Count * passes * repetitions;
        return new(Math.Round(rate * tokens), Math.Round(rate * bytes / 1e6, 2), Math.Round((double)allocated / tokenized, 2));
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
