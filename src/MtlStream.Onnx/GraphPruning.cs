using Google.Protobuf;
using Onnx;

namespace MtlStream.Onnx;

/// <summary>Takes out of a graph what only unwanted outputs need: ONNX Runtime runs every node, whether its result is fetched or not.</summary>
internal static class GraphPruning
{
    /// <param name="model">A serialized ModelProto, its nodes in topological order as the format demands.</param>
    /// <param name="outputs">Names of the outputs to keep.</param>
    /// <returns>The model without the rest; as it was when a node holds a graph of its own, whose needs are not looked into.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a protobuf message.</exception>
    public static byte[] Keep(byte[] model, IReadOnlySet<string> outputs)
    {
        var parsed = Parse(model);
        var graph = parsed.Graph;
        if (graph is null || graph.Node.Any(HoldsGraph)) return model;

        var needed = new HashSet<string>(outputs);
        var kept = new Stack<NodeProto>();
        foreach (var node in graph.Node.Reverse())
        {
            if (!node.Output.Any(needed.Contains)) continue;
            kept.Push(node);
            needed.UnionWith(node.Input);
        }

        Replace(graph.Node, kept);
        Replace(graph.Initializer, graph.Initializer.Where(i => needed.Contains(i.Name)));
        Replace(graph.Output, graph.Output.Where(o => outputs.Contains(o.Name)));
        return parsed.ToByteArray();
    }

    /// <summary>As <see cref="Keep"/>, by the outputs that are not wanted any more.</summary>
    public static byte[] Without(byte[] model, IReadOnlySet<string> outputs) =>
        Keep(model, Parse(model).Graph.Output.Select(o => o.Name).Where(o => !outputs.Contains(o)).ToHashSet());

    private static ModelProto Parse(byte[] model)
    {
        try
        {
            return ModelProto.Parser.ParseFrom(model);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException("not an ONNX graph: the protobuf message is malformed or truncated", exception);
        }
    }

    private static void Replace<T>(ICollection<T> items, IEnumerable<T> by)
    {
        var kept = by.ToList();
        items.Clear();
        foreach (var item in kept) items.Add(item);
    }

    private static bool HoldsGraph(NodeProto node) => node.Attribute.Any(a => a.G is not null || a.Graphs.Count > 0);
}
