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
    private const int LastAxis = -1;

    /// <summary>The graph's outputs for a taught task, by what the manifest calls them.</summary>
    public static IReadOnlyDictionary<string, string> OutputsOf(string task, bool words) => words
        ? new Dictionary<string, string> { ["tags"] = task + ".tags", ["scores"] = task + ".scores" }
        : new Dictionary<string, string> { ["probabilities"] = task + ".probabilities" };

    /// <summary>The graph with one more task. Nothing that it had is changed.</summary>
    /// <param name="manifest">The package's, as it was before.</param>
    public static byte[] WithHead(byte[] model, ModelManifest manifest, string task, TaughtHead taught)
    {
        var parsed = ModelProto.Parser.ParseFrom(model);
        var logits = new List<string>();
        foreach (var member in taught.Members)
        {
            var name = taught.Members.Count == 1 ? task : $"{task}/{logits.Count}";
            var features = FeatureGraph.AddTo(parsed.Graph, manifest, member.Features, name + "/features");
            logits.Add(AddLogits(new(parsed.Graph, name), name, features, member));
        }

        var g = new GraphBuilder(parsed.Graph, task + "/all");
        var sum = logits.Count == 1 ? logits[0] : g.Node("Sum", [.. logits]);
        var scaled = g.Node("Mul", [sum, g.Constant(task + ".warmth", (float)(1 / (taught.Temperature * logits.Count)))]);
        var shape = taught.Members[0].Head.Weights.Shape;
        if (taught.Members[0].Features.Words) AddTags(g, task, scaled);
        else AddProbabilities(g, task, scaled, shape);
        return parsed.ToByteArray();
    }

    private static void AddProbabilities(GraphBuilder g, string task, string logits, HeadShape shape)
    {
        var output = OutputsOf(task, words: false)["probabilities"];
        g.NodeAs(output, shape.MultiLabel ? "Sigmoid" : "Softmax", [logits]);
        g.Output(output, DataType.Float, -1, shape.Labels);
    }

    /// <summary>The best label of each token, and its probability.</summary>
    private static void AddTags(GraphBuilder g, string task, string logits)
    {
        var outputs = OutputsOf(task, words: true);
        var probabilities = g.Node("Softmax", [logits], GraphBuilder.Attribute("axis", LastAxis));
        g.NodeAs(outputs["scores"], "ReduceMax", [probabilities], GraphBuilder.Attribute("axes", [(long)LastAxis]), GraphBuilder.Attribute("keepdims", 0));
        var best = g.Node("ArgMax", [logits], GraphBuilder.Attribute("axis", LastAxis), GraphBuilder.Attribute("keepdims", 0));
        g.NodeAs(outputs["tags"], "Cast", [best], GraphBuilder.Attribute("to", (long)DataType.Int32));
        g.Output(outputs["tags"], DataType.Int32, -1, -1);
        g.Output(outputs["scores"], DataType.Float, -1, -1);
    }

    private static string AddLogits(GraphBuilder g, string name, string features, TaughtMember member)
    {
        var head = member.Head;
        var shape = head.Weights.Shape;
        var (matrix, bias) = head.FirstLayer();
        if (shape.Hidden == 0) return Layer(".labels", features, matrix, bias, shape.Features);
        var hidden = g.Node("Tanh", [Layer(".hidden", features, matrix, bias, shape.Features)]);
        return Layer(".labels", hidden, head.Weights.Parameters[HeadWeights.LabelWeight], head.Weights.Parameters[HeadWeights.LabelBias], shape.Hidden);

        string Layer(string part, string input, float[] matrix, float[] bias, int width)
        {
            var weights = g.Constant(name + part, matrix, width, bias.Length);
            var biases = g.Constant(name + part + ".bias", bias, bias.Length);
            return member.Features.Words ? g.Node("Add", [g.Node("MatMul", [input, weights]), biases]) : g.Node("Gemm", [input, weights, biases]);
        }
    }
}
