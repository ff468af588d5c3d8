using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Tasks;

namespace MtlStream.Learning;

/// <summary>How much a text's labels depend on the texts that share its batch.</summary>
public static class BatchInvarianceCheck
{
    private const int TextsPerSet = 1000;

    /// <param name="Labels">Labels compared: one per text, per token, or per text and label of a multi-label task.</param>
    /// <param name="Flipped">Those that differ between one text a batch and full batches.</param>
    /// <param name="LargestDifference">Of a score.</param>
    public sealed record Share(string Task, int Labels, int Flipped, float LargestDifference);

    /// <summary>Scores texts alone and in the fullest batches that the device takes; long texts by their first window.</summary>
    /// <param name="sets">Texts by test set; the first of each are taken.</param>
    public static List<Share> Measure(LoadedModel loaded, IEnumerable<IEnumerable<string>> sets, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        var texts = sets.SelectMany(set => set.Take(TextsPerSet));
        var former = new BatchFormer(loaded.Model.Shape, lanes: 1);
        foreach (var text in texts) former.Add(new(Row(loaded, text), 0), 0);

        var shares = loaded.Model.Tasks.Select(t => new Share(t.Name, 0, 0, 0)).ToList();
        while (former.Count > 0)
        {
            stopping.ThrowIfCancellationRequested();
            var batch = former.Form(BatchTrigger.RowLimit);
            using var together = loaded.Model.Predict(batch, 0);
            for (var row = 0; row < batch.Rows.Count; row++)
            {
                var length = batch.Rows[row].Length;
                using var alone = loaded.Model.Predict(new([batch.Rows[row]], length, BatchTrigger.Split), 0);
                for (var task = 0; task < shares.Count; task++) shares[task] = Compare(shares[task], task, alone, together, row, length);
                batch.Rows[row].Event.Dispose();
            }
        }

        return shares;
    }

    private static TokenizedEvent Row(LoadedModel loaded, string text) =>
        new(new TextEvent(new(default, null, null, [], -1, 0), new PooledArray<char>(0), default), loaded.Tokenizer.Tokenize(text));

    private static Share Compare(Share share, int task, Predictions alone, Predictions together, int row, int length)
    {
        var head = alone.Tasks[task];
        var (labels, flipped, largest) = (share.Labels, share.Flipped, share.LargestDifference);
        var left = head.IsTokenLevel ? alone.TagScores(task, 0)[1..(length - 1)] : alone.Probabilities(task, 0);
        var right = head.IsTokenLevel ? together.TagScores(task, row)[1..(length - 1)] : together.Probabilities(task, row);
        for (var i = 0; i < left.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(left[i] - right[i]));
            if (head.IsTokenLevel && alone.Tags(task, 0)[i + 1] != together.Tags(task, row)[i + 1]) flipped++;
            if (head.Kind == TaskKind.MultiLabel && left[i] >= head.Thresholds[i] != right[i] >= head.Thresholds[i]) flipped++;
        }

        if (head.Kind == TaskKind.SingleLabel)
        {
            labels++;
            if (Best(left) != Best(right)) flipped++;
        }
        else
        {
            labels += left.Length;
        }

        return new(share.Task, labels, flipped, largest);
    }

    private static int Best(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var i = 1; i < scores.Length; i++)
        {
            if (scores[i] > scores[best]) best = i;
        }

        return best;
    }
}
