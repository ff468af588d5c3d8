using Google.Protobuf;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;
using Onnx;
using static Onnx.TensorProto.Types;

namespace MtlStream.Learning.Teaching;

/// <summary>Writes a taught head into a package's graph.</summary>
internal static class HeadGraph
{
    /// <summary>Name of the graph's output for a taught task.</summary>
    public static string OutputOf(string task) => task + ".probabilities";

    /// <summary>The graph with one more head. Nothing that it had is changed.</summary>
    /// <param name="mask">Name of the input that is 1 for a token and 0 for padding.</param>
    /// <param name="temperature">What the logits are divided by.</param>
    public static byte[] WithHead(byte[] model, string mask, string task, Head head, double temperature)
    {
        var parsed = ModelProto.Parser.ParseFrom(model);
        FeatureGraph.AddTo(parsed.Graph, mask);
        var g = new GraphBuilder(parsed.Graph, task);
        var shape = head.Weights.Shape;
        var first = head.FirstLayer();
        var inner = FeatureGraph.Output;
        if (shape.Hidden > 0)
        {
            var matrix = g.Constant(task + ".hidden", first.Matrix, shape.Features, shape.Hidden);
            inner = g.Node("Tanh", [g.Node("Gemm", [inner, matrix, g.Constant(task + ".hidden.bias", first.Bias, shape.Hidden)])]);
        }

        var last = shape.Hidden > 0 ? head.Weights.Parameters[HeadWeights.LabelWeight] : first.Matrix;
        var bias = shape.Hidden > 0 ? head.Weights.Parameters[HeadWeights.LabelBias] : first.Bias;
        var width = shape.Hidden > 0 ? shape.Hidden : shape.Features;
        var logits = g.Node("Gemm", [inner, g.Constant(task + ".labels", last, width, shape.Labels), g.Constant(task + ".labels.bias", bias, shape.Labels)]);
        var scaled = g.Node("Mul", [logits, g.Constant(task + ".warmth", (float)(1 / temperature))]);
        g.NodeAs(OutputOf(task), shape.MultiLabel ? "Sigmoid" : "Softmax", [scaled]);
        g.Output(OutputOf(task), DataType.Float, -1, shape.Labels);
        return parsed.ToByteArray();
    }
}
