using MtlStream.Batching;
using MtlStream.Tasks;

namespace MtlStream.Learning;

/// <summary>How much a text's labels depend on the texts that share its batch.</summary>
public static class BatchInvarianceCheck
{
    private const int TextsPerSet = 1000;

    /// <param name="Labels">Labels compared: one per text, or one per word.</param>
    /// <param name="Flipped">Those that differ between one text a batch and full batches.</param>
    /// <param name="LargestDifference">Of a score.</param>
    public sealed record Share(string Task, int Labels, int Flipped, float LargestDifference);

    /// <summary>Scores texts alone and in the fullest batches that the device takes; texts of several windows are left out.</summary>
    /// <param name="sets">Texts by test set; the first of each are taken.</param>
    public static List<Share> Measure(LoadedModel loaded, IEnumerable<IEnumerable<string>> sets, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        var texts = sets.SelectMany(set => set.Take(TextsPerSet));
        var former = new BatchFormer(loaded.Model.Shape, workers: 1);
        foreach (var text in texts)
        {
            var tokens = loaded.Tokenizer.Tokenize(text);
            if (tokens.Windows.Length == 1) former.Add(new(tokens, 0, new Source(text)), 0);
            else tokens.Dispose();
        }

        var shares = loaded.Model.Tasks.Select(t => new Share(t.Name, 0, 0, 0)).ToList();
        while (former.Count > 0)
        {
            stopping.ThrowIfCancellationRequested();
            var batch = former.Form(BatchTrigger.RowLimit);
            using var together = loaded.Model.Predict(batch, 0);
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
            {
                using var tokens = batch.Sequences[sequence].Tokens;
                var text = new TaskText(((Source)batch.Sequences[sequence].Owner!).Text, tokens);
                using var alone = loaded.Model.Predict(new([batch.Sequences[sequence]], batch.Sequences[sequence].Length, BatchTrigger.Split), 0);
                for (var task = 0; task < shares.Count; task++)
                    shares[task] = Compare(shares[task], alone.Tasks[task], alone.Of(task, 0), together.Of(task, sequence), text);
            }
        }

        return shares;
    }

    private static Share Compare(Share share, ModelTask task, TaskValues alone, TaskValues together, TaskText text)
    {
        var given = task.Given(alone, text);
        var flipped = given.Zip(task.Given(together, text)).Count(pair => pair.First != pair.Second);
        var largest = share.LargestDifference;
        for (var output = 0; output < task.Outputs.Count; output++)
        {
            if (task.Outputs[output].Type != ElementType.Number) continue;
            var left = alone.Floats(output)[..task.Outputs[output].Width(text.Tokens.SequenceLength(0))];
            var right = together.Floats(output);
            for (var i = 0; i < left.Length; i++) largest = Math.Max(largest, Math.Abs(left[i] - right[i]));
        }

        return new(share.Task, share.Labels + given.Count, share.Flipped + flipped, largest);
    }

    private sealed class Source(string text) : SequenceOwner
    {
        public string Text { get; } = text;
    }
}
