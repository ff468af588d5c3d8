using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>Scores for every text by heads that did not learn from it.</summary>
public static class CrossValidation
{
    /// <summary>Splits texts into parts in which every label has its share.</summary>
    public static IReadOnlyList<int[]> Folds(LabelTargets targets, int folds, int seed)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return Folds(targets, [.. Enumerable.Range(0, targets.Rows)], folds, seed);
    }

    /// <summary>Splits some of the texts likewise.</summary>
    internal static IReadOnlyList<int[]> Folds(LabelTargets targets, int[] rows, int folds, int seed)
    {
        var parts = Enumerable.Range(0, folds).Select(_ => new List<int>()).ToArray();
        var shuffled = (int[])rows.Clone();
        new Random(seed).Shuffle(shuffled);
        var next = 0;
        foreach (var label in shuffled.GroupBy(row => targets.Of(row).Count > 0 ? targets.Of(row)[0] : -1).OrderBy(g => g.Key))
        {
            foreach (var row in label) parts[next++ % folds].Add(row);
        }

        return [.. parts.Select(p => p.ToArray())];
    }

    /// <summary>Splits numbers from 0 into parts, at random.</summary>
    public static IReadOnlyList<int[]> Parts(int count, int parts, int seed)
    {
        var numbers = Enumerable.Range(0, count).ToArray();
        new Random(seed).Shuffle(numbers);
        return [.. Enumerable.Range(0, parts).Select(part => numbers.Where((_, i) => i % parts == part).ToArray())];
    }

    /// <summary>All rows of all folds but one.</summary>
    internal static int[] Others(IReadOnlyList<int[]> folds, int fold) => [.. folds.Where((_, other) => other != fold).SelectMany(f => f)];

    /// <summary>Logits of every row of the folds, [rows, labels], each from a head that was trained on the other folds.</summary>
    /// <param name="train">Trains a head on some rows; told which fold it is for.</param>
    /// <param name="rows">Number of all rows; those that are in no fold have logits of 0.</param>
    internal static float[] Logits(FeatureMatrix features, IReadOnlyList<int[]> folds, int rows, int labels, Func<int[], int, Head> train,
        CancellationToken cancelled)
    {
        var logits = new float[rows * labels];
        SideBySide.Run(folds.Count, fold => Put(train(Others(folds, fold), fold).Logits(features, folds[fold]), folds[fold], labels, logits), cancelled);
        return logits;
    }

    /// <summary>Puts logits of some rows where they belong among those of all.</summary>
    internal static void Put(float[] some, int[] rows, int labels, float[] all)
    {
        for (var i = 0; i < rows.Length; i++) some.AsSpan(i * labels, labels).CopyTo(all.AsSpan(rows[i] * labels));
    }
}
