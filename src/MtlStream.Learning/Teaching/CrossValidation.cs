using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>Scores for every text by heads that did not learn from it.</summary>
public static class CrossValidation
{
    /// <summary>Splits texts into parts in which every label has its share.</summary>
    public static IReadOnlyList<int[]> Folds(LabelTargets targets, int folds, int seed)
    {
        var parts = Enumerable.Range(0, folds).Select(_ => new List<int>()).ToArray();
        var rows = Enumerable.Range(0, targets.Rows).ToArray();
        new Random(seed).Shuffle(rows);
        var next = 0;
        foreach (var label in rows.GroupBy(row => targets.Of(row).Count > 0 ? targets.Of(row)[0] : -1).OrderBy(g => g.Key))
        {
            foreach (var row in label) parts[next++ % folds].Add(row);
        }

        return [.. parts.Select(p => p.ToArray())];
    }

    /// <summary>Logits of every text of the folds, [texts, labels], each from a head trained on the other folds.</summary>
    /// <param name="always">Rows that every head learns from and none is asked about.</param>
    public static float[] Logits(
        FeatureMatrix features, LabelTargets targets, HeadOptions options, IReadOnlyList<int[]> folds, IReadOnlyList<int> always, int seed,
        IProgress<double>? progress = null, CancellationToken cancelled = default)
    {
        var logits = new float[folds.Sum(f => f.Length) * targets.Labels];
        for (var fold = 0; fold < folds.Count; fold++)
        {
            var others = folds.Where((_, other) => other != fold).SelectMany(f => f).Concat(always).ToList();
            var head = HeadTrainer.Train(features, targets, others, options, seed + fold, progress: null, cancelled);
            var found = head.Logits(features, folds[fold]);
            for (var i = 0; i < folds[fold].Length; i++)
                found.AsSpan(i * targets.Labels, targets.Labels).CopyTo(logits.AsSpan(folds[fold][i] * targets.Labels));
            progress?.Report((fold + 1.0) / folds.Count);
        }

        return logits;
    }
}
