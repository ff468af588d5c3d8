using System.Diagnostics;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Bench;

/// <summary>What nothing around the model can exceed: texts tokenized beforehand, in ideal batches, through all its workers at once.</summary>
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
        var workers = Enumerable.Range(0, loaded.Model.Workers).Select(worker => new Thread(() =>
        {
            try
            {
                for (int i; (i = Interlocked.Increment(ref next)) < batches.Count && !stopping.IsCancellationRequested;)
                    loaded.Model.Predict(batches[i], worker).Dispose();
            }
            catch (InferenceException exception)
            {
                failure = exception;
            }
        })).ToList();
        var (cpu, started) = (Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        workers.ForEach(w => w.Start());
        workers.ForEach(w => w.Join());
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

    /// <summary>Longest sequences first, so that neighbours are of one length and no worker is left alone with a long batch at the end.</summary>
    private static List<TokenBatch> IdealBatches(List<TokenizedText> events, BatchShape shape)
    {
        var sequences = events
            .SelectMany(e => Enumerable.Range(0, e.Windows.Length).Select(window => new TokenSequence(e, window)))
            .OrderByDescending(r => r.Length).ToList();
        var batches = new List<TokenBatch>();
        for (var first = 0; first < sequences.Count;)
        {
            var paddedLength = shape.PadTo(sequences[first].Length);
            var count = Math.Clamp(shape.MaxPaddedTokens / paddedLength, 1, Math.Min(shape.MaxSequences, sequences.Count - first));
            batches.Add(new(sequences.GetRange(first, count), paddedLength, BatchTrigger.RowLimit));
            first += count;
        }

        return batches;
    }
}
