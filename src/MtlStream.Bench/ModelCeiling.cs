using System.Diagnostics;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Bench;

/// <summary>What nothing around the model can exceed: texts tokenized beforehand, in ideal batches, straight into all its lanes.</summary>
internal static class ModelCeiling
{
    /// <summary>Scores the events once.</summary>
    /// <returns>Events per second, and the processor time of one event.</returns>
    public static (double EventsPerSecond, double CpuMicroseconds) Run(LoadedModel loaded, BatchShape shape, IEnumerable<byte[]> payloads, EventDecoder decoder, CancellationToken stopping)
    {
        var events = Tokenize(loaded.Tokenizer, payloads, decoder);
        var batches = IdealBatches(events, shape);
        var next = -1;
        Exception? failure = null;
        var lanes = Enumerable.Range(0, loaded.Model.Lanes).Select(lane => new Thread(() =>
        {
            try
            {
                for (int i; (i = Interlocked.Increment(ref next)) < batches.Count && !stopping.IsCancellationRequested;)
                    loaded.Model.Predict(batches[i], lane).Dispose();
            }
            catch (InferenceException exception)
            {
                failure = exception;
            }
        })).ToList();
        var (cpu, started) = (Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        lanes.ForEach(l => l.Start());
        lanes.ForEach(l => l.Join());
        var elapsed = Stopwatch.GetElapsedTime(started);
        cpu = Environment.CpuUsage.TotalTime - cpu;
        events.ForEach(e => e.Dispose());
        stopping.ThrowIfCancellationRequested();
        if (failure is not null) throw new InferenceException($"Measuring the ceiling failed: {failure.Message}", failure);
        return (events.Count / elapsed.TotalSeconds, cpu.TotalMicroseconds / events.Count);
    }

    private static List<TokenizedText> Tokenize(TextTokenizer tokenizer, IEnumerable<byte[]> payloads, EventDecoder decoder)
    {
        var events = new List<TokenizedText>();
        foreach (var payload in payloads)
        {
            var record = new SourceRecord(default, null, payload, [], -1, 0);
            if (!decoder.TryDecode(record, out var decoded, out _)) continue;
            using (decoded) events.Add(tokenizer.Tokenize(decoded.Text));
        }

        return events;
    }

    /// <summary>Longest rows first, so that neighbours are of one length and no lane is left alone with a long batch at the end.</summary>
    private static List<TokenBatch> IdealBatches(List<TokenizedText> events, BatchShape shape)
    {
        var rows = events
            .SelectMany(e => Enumerable.Range(0, e.Windows.Length).Select(window => new TokenSequence(e, window)))
            .OrderByDescending(r => r.Length).ToList();
        var batches = new List<TokenBatch>();
        for (var first = 0; first < rows.Count;)
        {
            var columns = shape.PadTo(rows[first].Length);
            var count = Math.Clamp(shape.MaxPaddedTokens / columns, 1, Math.Min(shape.MaxRows, rows.Count - first));
            batches.Add(new(rows.GetRange(first, count), columns, BatchTrigger.RowLimit));
            first += count;
        }

        return batches;
    }
}
