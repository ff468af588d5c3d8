using MtlStream.Events;

namespace MtlStream.Registry.Values;

/// <summary>Pointers by their parts: those that begin alike share the way. Immutable.</summary>
internal sealed class PointerTree
{
    private readonly Dictionary<string, PointerTree> _below = [];
    private readonly List<int> _ends = [];

    private PointerTree()
    {
    }

    /// <summary>The pointers that end here.</summary>
    public IReadOnlyList<int> Ends => _ends;

    public IReadOnlyDictionary<string, PointerTree> Below => _below;

    public static PointerTree Of(TextPointers pointers)
    {
        var root = new PointerTree();
        for (var i = 0; i < pointers.Count; i++)
        {
            var at = root;
            foreach (var segment in pointers[i].Segments)
            {
                if (!at._below.TryGetValue(segment.Name, out var next)) at._below[segment.Name] = next = new();
                at = next;
            }
            at._ends.Add(i);
        }
        return root;
    }
}
