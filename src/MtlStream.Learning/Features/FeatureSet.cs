using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Learning.Features;

/// <summary>What a head may be taught on: a name for people, and the graph's values side by side.</summary>
/// <param name="Tensors">Each [texts, columns], float32; or with <paramref name="Words"/> [texts, tokens, columns].</param>
/// <param name="Words">They are about words, not about texts.</param>
public sealed record FeatureSet(string Name, IReadOnlyList<string> Tensors, bool Words = false)
{
    /// <summary>What the layers say of a token.</summary>
    public static FeatureSet OfWords { get; } = new("layers", [FeatureGraph.Tokens], Words: true);

    /// <summary>The sets that a package offers: what the layers say, the text's vector, and what the tasks that are there say of it.</summary>
    public static IReadOnlyList<FeatureSet> Of(ModelManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var vector = manifest.Tasks.FirstOrDefault(t => t.Task is VectorTask)?.Tensors[0];
        var labels = LabelTensors(manifest).Count > 0;
        var sets = new List<FeatureSet>();
        if (vector is not null) sets.Add(new("vector", [vector]));
        if (vector is not null && labels) sets.Add(new("vector and old labels", [vector, FeatureGraph.Labels]));
        sets.Add(new("layers", [FeatureGraph.Layers]));
        if (labels) sets.Add(new("layers and old labels", [FeatureGraph.Labels, FeatureGraph.Layers]));
        return sets;
    }

    /// <summary>The probabilities that the package gives about whole texts.</summary>
    internal static IReadOnlyList<string> LabelTensors(ModelManifest manifest) =>
        [.. manifest.Tasks.Where(t => t.Task is TextLabelTask).Select(t => t.Tensors[0])];
}
