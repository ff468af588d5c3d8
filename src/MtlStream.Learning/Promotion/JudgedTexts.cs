using System.Runtime.InteropServices;
using MtlStream.Learning.Data;

namespace MtlStream.Learning.Promotion;

/// <summary>Collects texts to compare on: the same text may have labels of several tasks, or none.</summary>
public sealed class JudgedTexts
{
    private readonly Dictionary<string, Dictionary<string, IReadOnlyList<string>>> _texts = [];

    /// <summary>Adds texts whose labels of a task people know.</summary>
    public void Add(string task, IEnumerable<LabelledExample> labelled)
    {
        foreach (var example in labelled) LabelsOf(example.Text)[task] = example.Labels;
    }

    /// <summary>Adds texts that nobody has labelled.</summary>
    public void Add(IEnumerable<string> texts)
    {
        foreach (var text in texts) LabelsOf(text);
    }

    /// <summary>The first texts, labelled ones before others.</summary>
    public IReadOnlyList<JudgedText> Take(int most) =>
        [.. _texts.OrderByDescending(t => t.Value.Count > 0).Take(most).Select(t => new JudgedText(t.Key, t.Value))];

    private Dictionary<string, IReadOnlyList<string>> LabelsOf(string text)
    {
        ref var labels = ref CollectionsMarshal.GetValueRefOrAddDefault(_texts, text, out _);
        return labels ??= [];
    }
}
