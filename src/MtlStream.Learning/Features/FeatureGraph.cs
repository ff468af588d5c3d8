using Google.Protobuf;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Onnx;
using Onnx;
using static Onnx.TensorProto.Types;

namespace MtlStream.Learning.Features;

/// <summary>Adds to an encoder's graph what heads are taught on: layers, their means, and what the other tasks say.</summary>
/// <remarks>
/// The layers' outputs are values that the graph has, each the result of a LayerNormalization with several readers, so that
/// reading them once more changes nothing of what is there.
/// </remarks>
internal static class FeatureGraph
{
    /// <summary>The mean over a text's tokens of several layers' outputs, side by side: [texts, layers x width].</summary>
    public const string Layers = "taught/features";

    /// <summary>Logarithms of the probabilities that other tasks give, side by side: [texts, labels of all].</summary>
    public const string Labels = "taught/labels";

    /// <summary>Several layers' outputs for each token, side by side: [texts, tokens, layers x width].</summary>
    public const string Tokens = "taught/tokens";

    private const string Norm = "LayerNormalization";
    private const string FusedNorm = "SkipLayerNormalization";
    private const string Prefix = "taught";
    private const string Branch = "branch/"; // names of nodes of layers that some tasks have of their own: training/mtltrain/grow.py
    private const int TokenAxis = 1;
    private const int NewAxis = 1;
    private const int TokenLayerStep = 2; // every other layer: a head over all tokens costs time
    private const float LeastProbability = 1e-4f;

    /// <summary>Adds the values that a set names, each unless the graph has it, and returns the name of them side by side.</summary>
    /// <param name="prefix">Of the names of nodes that are added for this set alone.</param>
    /// <exception cref="InvalidDataException">The graph is no encoder whose layers end with a LayerNormalization.</exception>
    public static string AddTo(GraphProto graph, ModelManifest manifest, FeatureSet set, string prefix)
    {
        if (set.Tensors.Contains(Layers)) AddLayers(graph, manifest.Inputs.Mask);
        if (set.Tensors.Contains(Labels)) AddLabels(graph, FeatureSet.LabelTensors(manifest));
        if (set.Tensors.Contains(Tokens)) AddTokens(graph);
        if (set.Tensors.Count == 1) return set.Tensors[0];
        var g = new GraphBuilder(graph, prefix);
        return g.Node("Concat", [.. set.Tensors], GraphBuilder.Attribute("axis", 1));
    }

    /// <summary>A graph whose outputs are the values that some sets name, and nothing else.</summary>
    public static byte[] Alone(byte[] model, ModelManifest manifest, IReadOnlyList<FeatureSet> sets)
    {
        var parsed = ModelProto.Parser.ParseFrom(model);
        var tensors = sets.SelectMany(s => s.Tensors).Distinct().ToHashSet();
        if (tensors.Contains(Layers)) AddLayers(parsed.Graph, manifest.Inputs.Mask);
        if (tensors.Contains(Labels)) AddLabels(parsed.Graph, FeatureSet.LabelTensors(manifest));
        if (tensors.Contains(Tokens)) AddTokens(parsed.Graph);
        var g = new GraphBuilder(parsed.Graph, Prefix);
        foreach (var tensor in tensors.Where(t => parsed.Graph.Output.All(o => o.Name != t)))
        {
            if (tensor == Tokens) g.Output(tensor, DataType.Float, -1, -1, -1);
            else g.Output(tensor, DataType.Float, -1, -1);
        }

        return GraphPruning.Keep(parsed.ToByteArray(), tensors);
    }

    private static void AddLayers(GraphProto graph, string mask)
    {
        if (Has(graph, Layers)) return;
        var layers = LayersOf(graph);
        var g = new GraphBuilder(graph, Prefix);
        var tokens = g.Node("Cast", [mask], GraphBuilder.Attribute("to", (long)DataType.Float));
        var count = g.Node("ReduceSum", [tokens, g.Constant(Prefix + "/axis", [(long)TokenAxis])]);
        var share = g.Node("Unsqueeze", [g.Node("Div", [tokens, count]), g.Constant(Prefix + "/place", [(long)NewAxis])]);
        var means = layers.Select(layer => g.Node("MatMul", [share, InFloats(g, graph, layer)])).ToArray();
        var joined = g.Node("Concat", means, GraphBuilder.Attribute("axis", 2));
        g.NodeAs(Layers, "Squeeze", [joined, Prefix + "/place"]);
    }

    private static void AddLabels(GraphProto graph, IReadOnlyList<string> probabilities)
    {
        if (Has(graph, Labels)) return;
        var g = new GraphBuilder(graph, Labels);
        var joined = g.Node("Concat", [.. probabilities], GraphBuilder.Attribute("axis", 1));
        g.NodeAs(Labels, "Log", [g.Node("Add", [joined, g.Constant(Labels + "/least", LeastProbability)])]);
    }

    /// <summary>Every other layer, and the last one of the tokens before and behind: where a span ends is said by what follows it.</summary>
    private static void AddTokens(GraphProto graph)
    {
        if (Has(graph, Tokens)) return;
        var g = new GraphBuilder(graph, Tokens);
        var layers = LayersOf(graph).Where((_, layer) => layer % TokenLayerStep == 1).Select(layer => InFloats(g, graph, layer)).ToList();
        var axis = g.Constant(Tokens + "/axis", [(long)TokenAxis]);
        var (first, second, last) = (g.Constant(Tokens + "/first", [0L]), g.Constant(Tokens + "/second", [1L]), g.Constant(Tokens + "/last", [-1L]));
        var before = g.Node("Pad", [layers[^1], g.Constant(Tokens + "/before", [0L, 1, 0, 0, 0, 0])]);
        var behind = g.Node("Pad", [layers[^1], g.Constant(Tokens + "/behind", [0L, 0, 0, 0, 1, 0])]);
        layers.Add(g.Node("Slice", [before, first, last, axis]));
        layers.Add(g.Node("Slice", [behind, second, g.Constant(Tokens + "/end", [long.MaxValue]), axis]));
        g.NodeAs(Tokens, "Concat", [.. layers], GraphBuilder.Attribute("axis", 2));
    }

    private static bool Has(GraphProto graph, string value) => graph.Node.Any(n => n.Output.Contains(value));

    /// <summary>The norm of the embeddings and those that end a layer, but for the first layer's: they say least by themselves.</summary>
    private static List<NodeProto> LayersOf(GraphProto graph)
    {
        var norms = graph.Node.Where(n => n.OpType is Norm or FusedNorm && !n.Name.StartsWith(Branch, StringComparison.Ordinal)).ToList();
        if (norms.Count < 3 || norms.Count % 2 == 0)
        {
            throw new InvalidDataException(
                $"The graph has {norms.Count} nodes {Norm} or {FusedNorm}; expected one for the embeddings and two for each layer.");
        }

        return [norms[0], .. norms.Skip(1).Where((_, i) => i % 2 == 1).Skip(1)];
    }

    /// <summary>A graph for a GPU may compute in fp16; heads are taught and served in fp32.</summary>
    private static string InFloats(GraphBuilder g, GraphProto graph, NodeProto norm)
    {
        var scale = norm.Input[norm.OpType == Norm ? 1 : 2]; // a fused one takes the residual before it
        var inFloats = graph.Initializer.Any(i => i.Name == scale && i.DataType == (int)DataType.Float);
        return inFloats ? norm.Output[0] : g.Node("Cast", [norm.Output[0]], GraphBuilder.Attribute("to", (long)DataType.Float));
    }
}
