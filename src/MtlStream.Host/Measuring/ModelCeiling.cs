using MtlStream.Batching;
using MtlStream.Inference;
using MtlStream.Tokenization;

namespace MtlStream.Host.Measuring;

/// <summary>How fast the model alone is on given texts: tokenized beforehand, in batches as good as can be, all lanes busy.</summary>
internal static class ModelCeiling
{
    /// <summary>Rows sorted by length and cut at the device's own limits, the longest first so that no lane ends late.</summary>
    public static IReadOnlyList<TokenBatch> Batches(IReadOnlyList<TokenizedEvent> events, BatchShape shape)
    {
        var rows = events.SelectMany(e => Enumerable.Range(0, e.Tokens.Windows.Length), (e, w) => new TokenRow(e, w)).OrderByDescending(r => r.Length).ToList();
        var batches = new List<TokenBatch>();
        for (var start = 0; start < rows.Count;)
        {
            var columns = shape.PadTo(rows[start].Length);
            var count = Math.Clamp(shape.MaxPaddedTokens / columns, 1, Math.Min(shape.MaxRows, rows.Count - start));
            batches.Add(new(rows.GetRange(start, count), columns, BatchTrigger.RowLimit));
            start += count;
        }

        return batches;
    }

    /// <returns>Seconds that the model takes for all batches.</returns>
    public static double Run(IMultitaskModel model, IReadOnlyList<TokenBatch> batches, TimeProvider time, CancellationToken stopping)
    {
        var next = -1;
        var started = time.GetTimestamp();
        var lanes = Enumerable.Range(0, model.Lanes).Select(lane => new Thread(() =>
        {
            for (int mine; (mine = Interlocked.Increment(ref next)) < batches.Count && !stopping.IsCancellationRequested;)
                model.Predict(batches[mine], lane).Dispose();
        })).ToList();
        lanes.ForEach(l => l.Start());
        lanes.ForEach(l => l.Join());
        stopping.ThrowIfCancellationRequested();
        return time.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>About how many of these lines the model scores in a second, from a short run.</summary>
    public static double Estimate(LoadedModel loaded, IReadOnlyList<TokenizedEvent> events, TimeProvider time, CancellationToken stopping)
    {
        var batches = Batches(events, loaded.Model.Shape);
        Run(loaded.Model, batches, time, stopping); // caches and pools
        return events.Count / Run(loaded.Model, batches, time, stopping);
    }
}
