using Google.Protobuf;
using MtlStream.Learning.Training;
using MtlStream.Onnx;
using Onnx;
using static Onnx.TensorProto.Types;

namespace MtlStream.Learning.Features;

/// <summary>Adds to an encoder's graph what heads are taught on: the mean over a text's tokens of several layers' outputs, side by side.</summary>
/// <remarks>
/// The layers' outputs are values that the graph has, each the result of a LayerNormalization with several readers, so that
/// reading them once more changes nothing of what is there.
/// </remarks>
internal static class FeatureGraph
{
    public const string Output = "taught/features";

    private const string Norm = "LayerNormalization";
    private const string FusedNorm = "SkipLayerNormalization";
    private const string Prefix = "taught";
    private const int TokenAxis = 1;
    private const int NewAxis = 1;

    /// <summary>Adds the features, unless the graph has them.</summary>
    /// <param name="mask">Name of the input that is 1 for a token and 0 for padding, [texts, tokens].</param>
    /// <exception cref="InvalidDataException">The graph is no encoder whose layers end with a LayerNormalization.</exception>
    public static void AddTo(GraphProto graph, string mask)
    {
        var layers = LayersOf(graph);
        if (graph.Node.Any(n => n.Output.Contains(Output))) return;
        var g = new GraphBuilder(graph, Prefix);
        var tokens = g.Node("Cast", [mask], GraphBuilder.Attribute("to", (long)DataType.Float));
        var count = g.Node("ReduceSum", [tokens, g.Constant(Prefix + "/axis", [(long)TokenAxis])]);
        var share = g.Node("Unsqueeze", [g.Node("Div", [tokens, count]), g.Constant(Prefix + "/place", [(long)NewAxis])]);
        var means = layers.Select(layer => g.Node("MatMul", [share, InFloats(g, graph, layer)])).ToArray();
        var joined = g.Node("Concat", means, GraphBuilder.Attribute("axis", 2));
        g.NodeAs(Output, "Squeeze", [joined, Prefix + "/place"]);
    }

    /// <summary>A graph with the features as its only output.</summary>
    public static byte[] Alone(byte[] model, string mask)
    {
        var parsed = ModelProto.Parser.ParseFrom(model);
        AddTo(parsed.Graph, mask);
        new GraphBuilder(parsed.Graph, Prefix).Output(Output, DataType.Float, -1, -1);
        return GraphPruning.Keep(parsed.ToByteArray(), new HashSet<string> { Output });
    }

    /// <summary>The norm of the embeddings and those that end a layer, but for the first layer's: they say least by themselves.</summary>
    private static List<NodeProto> LayersOf(GraphProto graph)
    {
        var norms = graph.Node.Where(n => n.OpType is Norm or FusedNorm).ToList();
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
