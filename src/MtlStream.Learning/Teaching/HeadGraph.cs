using Google.Protobuf;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;
using MtlStream.Models;
using Onnx;
using static Onnx.TensorProto.Types;

namespace MtlStream.Learning.Teaching;

/// <summary>Writes a taught head into a package's graph.</summary>
internal static class HeadGraph
{
    /// <summary>Name of the graph's output for a taught task.</summary>
    public static string OutputOf(string task) => task + ".probabilities";

    /// <summary>The graph with one more head. Nothing that it had is changed.</summary>
    /// <param name="manifest">The package's, as it was before.</param>
    public static byte[] WithHead(byte[] model, ModelManifest manifest, string task, TaughtHead taught)
    {
        var parsed = ModelProto.Parser.ParseFrom(model);
        var inner = FeatureGraph.AddTo(parsed.Graph, manifest, taught.Features, task + "/features");
        var g = new GraphBuilder(parsed.Graph, task);
        var head = taught.Head;
        var shape = head.Weights.Shape;
        var first = head.FirstLayer();
        if (shape.Hidden > 0)
        {
            var matrix = g.Constant(task + ".hidden", first.Matrix, shape.Features, shape.Hidden);
            inner = g.Node("Tanh", [g.Node("Gemm", [inner, matrix, g.Constant(task + ".hidden.bias", first.Bias, shape.Hidden)])]);
        }

        var last = shape.Hidden > 0 ? head.Weights.Parameters[HeadWeights.LabelWeight] : first.Matrix;
        var bias = shape.Hidden > 0 ? head.Weights.Parameters[HeadWeights.LabelBias] : first.Bias;
        var width = shape.Hidden > 0 ? shape.Hidden : shape.Features;
        var logits = g.Node("Gemm", [inner, g.Constant(task + ".labels", last, width, shape.Labels), g.Constant(task + ".labels.bias", bias, shape.Labels)]);
        var scaled = g.Node("Mul", [logits, g.Constant(task + ".warmth", (float)(1 / taught.Temperature))]);
        g.NodeAs(OutputOf(task), shape.MultiLabel ? "Sigmoid" : "Softmax", [scaled]);
        g.Output(OutputOf(task), DataType.Float, -1, shape.Labels);
        return parsed.ToByteArray();
    }
}
