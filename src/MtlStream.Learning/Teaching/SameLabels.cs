using System.Numerics.Tensors;
using MtlStream.Learning.Data;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Learning.Teaching;

/// <summary>Labels of a new task and of one that is there that mean the same: most texts that have one have the other.</summary>
internal static class SameLabels
{
    private const int FewestTexts = 5;
    private const double MostlyShared = 0.7;

    /// <summary>A finding for each pair.</summary>
    /// <param name="oldLabels">Logarithms of the probabilities that the package's tasks give, side by side, a row for each text.</param>
    public static IEnumerable<DataFinding> Find(ModelManifest manifest, IReadOnlyList<string> labels, LabelTargets targets, FeatureMatrix oldLabels)
    {
        var start = 0;
        foreach (var task in manifest.Tasks.Select(t => t.Task).OfType<TextLabelTask>())
        {
            foreach (var finding in FindIn(task, labels, targets, oldLabels.Slice(start, task.Labels.Count))) yield return finding;
            start += task.Labels.Count;
        }
    }

    private static IEnumerable<DataFinding> FindIn(TextLabelTask task, IReadOnlyList<string> labels, LabelTargets targets, FeatureMatrix logarithms)
    {
        var both = new int[labels.Count, task.Labels.Count];
        var (ofNew, ofOld) = (new int[labels.Count], new int[task.Labels.Count]);
        var row = new float[task.Labels.Count];
        for (var text = 0; text < targets.Rows; text++)
        {
            logarithms.Read(text, row);
            var given = Given(task, row);
            foreach (var old in given) ofOld[old]++;
            foreach (var label in targets.Of(text))
            {
                ofNew[label]++;
                foreach (var old in given) both[label, old]++;
            }
        }

        for (var label = 0; label < labels.Count; label++)
        {
            for (var old = 0; old < ofOld.Length; old++)
            {
                var shared = (double)both[label, old] / (ofNew[label] + ofOld[old] - both[label, old]);
                if (both[label, old] >= FewestTexts && shared >= MostlyShared)
                    yield return new("same meaning", $"{labels[label]} is nearly {task.Labels[old]} of {task.Name}: of the texts that have one, {100 * shared:F0} % have both.");
            }
        }
    }

    /// <summary>Numbers of the labels that a text gets: the likeliest one, or all that reach their thresholds.</summary>
    private static int[] Given(TextLabelTask task, float[] logarithms) => task is MultiLabelTask several
        ? [.. Enumerable.Range(0, logarithms.Length).Where(label => several.IsGiven(label, MathF.Exp(logarithms[label])))]
        : [TensorPrimitives.IndexOfMax(logarithms)];
}
