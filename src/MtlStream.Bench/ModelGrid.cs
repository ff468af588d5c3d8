using System.Diagnostics;
using System.Globalization;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Bench;

/// <param name="TokensPerSecond">Tokens that are not padding, [CLS] and [SEP] included.</param>
internal sealed record GridCell(int Rows, int Columns, double TokensPerSecond, double EventsPerSecond);

/// <summary>The model alone over a grid of rows x columns: pretokenized rows through all its workers at once.</summary>
internal static class ModelGrid
{
    private const int Repetitions = 3;

    private static readonly int[] s_rows = [1, 8, 32, 128, 512];
    private static readonly int[] s_columns = [16, 32, 64, 128, 256];

    // Rows are drawn from the tokens of this text: real tokens of whatever tokenizer the package has.
    private const string Sample =
        "The train to Lisbon leaves at 9:40 from platform three, and Maria's brother will be waiting for us at the station with the tickets. " +
        "I can't believe how good this soup is! Who made it? Nobody in our office had heard of the new law before Tuesday, so the meeting was short. " +
        "Thanks for the quick answer; the second driver works, but the screen still flickers whenever the laptop wakes up. " +
        "Honestly, that was the worst customer service I have had in years :( Please set an alarm for seven tomorrow morning. " +
        "Researchers at the University of Oslo found that the glacier lost 4 % of its mass between 2011 and 2019.";

    /// <summary>Measures every cell of the grid that the device takes.</summary>
    /// <param name="width">Only rows of so many tokens; the whole grid where it is no more than 2.</param>
    /// <param name="time">How long each cell is measured.</param>
    /// <exception cref="InferenceException">The device failed on a cell, which the message names.</exception>
    public static List<GridCell> Measure(LoadedModel loaded, int width, TimeSpan time, TextWriter progress, CancellationToken stopping)
    {
        var widths = width > 2 ? [Math.Min(width, loaded.Manifest.MaxTokens)] : s_columns;
        using var sample = loaded.Tokenizer.Tokenize(Sample);
        var random = new Random(1);
        var grid = new List<GridCell>();
        var shape = loaded.Model.Shape;
        foreach (var columns in widths.Where(c => c <= loaded.Manifest.MaxTokens))
        {
            // Beyond the device's own batch a cell would repeat the one before it.
            foreach (var rows in s_rows.Where(r => r <= shape.MaxSequences && (r == 1 || r * columns <= shape.MaxPaddedTokens)))
            {
                var batches = Enumerable.Range(0, loaded.Model.Workers).Select(_ => Batch(sample, rows, columns, random)).ToArray();
                Run(loaded.Model, batches, TimeSpan.Zero, stopping);
                var rates = Enumerable.Range(0, Repetitions).Select(_ => Run(loaded.Model, batches, time / Repetitions, stopping)).Order().ToArray();
                var median = rates[Repetitions / 2];
                grid.Add(new(rows, columns, median * columns, median));
                progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows,4} x {columns,-4} {median * columns,12:N0} tokens/s {median,10:N0} events/s"));
            }
        }

        return grid;
    }

    /// <summary>Every worker scores its batch again and again for <paramref name="time"/>, at least once.</summary>
    /// <returns>Rows per second over all workers.</returns>
    private static double Run(IMultitaskModel model, TokenBatch[] batches, TimeSpan time, CancellationToken stopping)
    {
        var rows = 0L;
        Exception? failure = null;
        var started = Stopwatch.GetTimestamp();
        var threads = Enumerable.Range(0, batches.Length).Select(worker => new Thread(() =>
        {
            try
            {
                do
                {
                    model.Predict(batches[worker], worker).Dispose();
                    Interlocked.Add(ref rows, batches[worker].Sequences.Count);
                }
                while (Stopwatch.GetElapsedTime(started) < time && failure is null && !stopping.IsCancellationRequested);
            }
            catch (InferenceException exception)
            {
                failure = exception;
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        stopping.ThrowIfCancellationRequested();
        if (failure is not null) throw new InferenceException($"{batches[0].Sequences.Count} x {batches[0].PaddedLength}: {failure.Message}", failure);
        return rows / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Rows of exactly <paramref name="columns"/> tokens, no two alike: the model scores identical rows once.</summary>
    private static TokenBatch Batch(TokenizedText sample, int rows, int columns, Random random) => new(
        [.. Enumerable.Range(0, rows).Select(_ => new TokenSequence(Drawn(sample, columns, random), 0))], columns, BatchTrigger.RowLimit);

    private static TokenizedText Drawn(TokenizedText sample, int columns, Random random)
    {
        var ends = new long[sample.SequenceLength(0)];
        sample.WriteSequence(0, ends, []);
        var tokens = new Token[columns - 2];
        for (var i = 0; i < tokens.Length; i++) tokens[i] = sample.Tokens[random.Next(sample.Tokens.Length)];
        return TokenizedText.Of(tokens, (int)ends[0], (int)ends[^1]);
    }
}
