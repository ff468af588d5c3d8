using MtlStream.Generation;

namespace MtlStream.Bench;

/// <summary>What a model that writes texts can do on one thread.</summary>
/// <param name="SentencesPerSecond">With a running batch that texts join and leave.</param>
/// <param name="FixedSentencesPerSecond">With batches of the same size that end with their longest text, as exporters' own programs do it.</param>
/// <param name="RowsPerStep">Mean rows of a call of the running batch.</param>
internal sealed record GenerationBenchReport(
    double SentencesPerSecond, double FixedSentencesPerSecond, double Speedup, double TokensPerSecond, double RowsPerStep, int Sentences, double TruncatedShare);

/// <summary>Texts in memory, greedy search, one thread: a running batch against fixed ones, in turn.</summary>
internal static class GenerationBench
{
    public static GenerationBenchReport Measure(TextGenerator generator, GenerationOptions options, IReadOnlyList<string> texts, int repetitions, CancellationToken stopping)
    {
        var time = TimeProvider.System;
        var (running, still) = (new List<double>(), new List<double>());
        var written = new List<TextJob>();
        var steps = 0;
        generator.Write(texts.Take(options.MaxRows), _ => stopping.ThrowIfCancellationRequested()); // warms up
        for (var repetition = 0; repetition < repetitions; repetition++)
        {
            var started = time.GetTimestamp();
            steps = 0;
            written = generator.Write(texts, rows =>
            {
                stopping.ThrowIfCancellationRequested();
                if (rows > 0) steps++;
            });
            running.Add(texts.Count / time.GetElapsedTime(started).TotalSeconds);
            started = time.GetTimestamp();
            foreach (var batch in texts.Chunk(options.MaxRows)) WriteFixed(generator, batch, stopping);
            still.Add(texts.Count / time.GetElapsedTime(started).TotalSeconds);
        }

        var tokens = written.Sum(job => (long)(job.Search.Found?.Ids.Count ?? 0) + 1); // the end is computed, too
        var (rate, fixedRate) = (BenchInput.Median(running), BenchInput.Median(still));
        return new(
            Math.Round(rate, 1), Math.Round(fixedRate, 1), Math.Round(rate / fixedRate, 2), Math.Round(rate * tokens / texts.Count),
            Math.Round((double)tokens / Math.Max(1, steps), 1), texts.Count, Math.Round(written.Count(job => job.Failure is null && job.Truncated) / (double)texts.Count, 4));
    }

    /// <summary>A batch that ends with its longest text; rows that have ended are computed until then.</summary>
    private static void WriteFixed(TextGenerator generator, string[] texts, CancellationToken stopping)
    {
        var rules = generator.Manifest.Rules;
        var jobs = texts.Select(text => generator.JobOf(text)).ToList();
        var searches = jobs.Select(job => TextSearch.Of(rules, 1, job.Limit)).ToList();
        var last = Enumerable.Repeat(rules.Start, jobs.Count).ToArray();
        using var decoding = generator.Model.Begin([.. jobs.Select(job => job.Source)]);
        while (searches.Exists(search => search.Found is null))
        {
            stopping.ThrowIfCancellationRequested();
            var logits = decoding.Read(last);
            for (var row = 0; row < searches.Count; row++)
            {
                if (searches[row].Found is not null) continue;
                searches[row].Advance(logits.Slice(row * generator.Model.Vocabulary, generator.Model.Vocabulary));
                last[row] = searches[row].Found is null ? searches[row].Last[0] : rules.Pad;
            }
        }
    }
}
