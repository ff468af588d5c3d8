using System.Globalization;
using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>Compares the first output of one task with what is expected, over several texts.</summary>
/// <remarks>Ids are to be equal in a share of all cases, numbers within a tolerance in each.</remarks>
/// <param name="index">The task's among the predictions.</param>
internal sealed class GoldenComparison(ManifestTask task, int index, GoldenTolerance tolerance)
{
    private readonly TaskOutput _output = task.Task.Outputs[0];
    private readonly string _tensor = task.Tensors[0];
    private int _equal, _all;

    /// <summary>What shows only over all texts; null when nothing does.</summary>
    public string? Summary => _equal >= tolerance.TagShare * _all ? null : string.Create(
        CultureInfo.InvariantCulture,
        $"task {task.Task.Name}: found {_equal} of {_all} tags equal, expected a share of {tolerance.TagShare}.");

    /// <summary>Compares one text, which is sequence 0.</summary>
    /// <returns>What differs, to be put behind the text's place; null when nothing does.</returns>
    public string? Add(GoldenText text, Predictions predictions)
    {
        if (!text.Outputs.TryGetValue(_tensor, out var expected)) return $".outputs: found no {_tensor}.";
        var length = text.InputIds.Length;
        if (expected.Length != _output.Width(length))
        {
            var what = _output.PerToken == 1 ? ", one for each of the input_ids" : "";
            return $".outputs.{_tensor}: found {expected.Length}, expected {_output.Width(length)}{what}.";
        }

        var values = predictions.Of(index, 0);
        if (_output.Type == ElementType.Number) return Worst(values.Floats()[..expected.Length], expected);
        Count(values.Ids(), expected);
        return null;
    }

    private void Count(ReadOnlySpan<int> found, float[] expected)
    {
        for (var i = 1; i < expected.Length - 1; i++) // [CLS] and [SEP] have no tag that anyone reads
        {
            _all++;
            if (found[i] == (int)expected[i]) _equal++;
        }
    }

    private string? Worst(ReadOnlySpan<float> found, float[] expected)
    {
        var worst = 0;
        for (var i = 1; i < found.Length; i++)
        {
            if (Math.Abs(found[i] - expected[i]) > Math.Abs(found[worst] - expected[worst])) worst = i;
        }

        if (Math.Abs(found[worst] - expected[worst]) <= tolerance.Probability) return null;
        var labels = task.Task.Labels;
        var place = labels.Count == found.Length ? $"label {labels[worst]}" : $"element {worst}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $": task {task.Task.Name}, {place}: found {found[worst]:F4}, expected {expected[worst]:F4} within {tolerance.Probability}.");
    }
}
