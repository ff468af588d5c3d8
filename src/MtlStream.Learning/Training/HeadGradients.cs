using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static Onnx.TensorProto.Types;

namespace MtlStream.Learning.Training;

/// <summary>Loss and gradients of a head, as a graph that ONNX Runtime calculates. Not thread-safe.</summary>
/// <remarks>
/// Forward: h = tanh(x W1 + b1) * keep, z = h W2 + b2, p = softmax(z) or sigmoid(z).
/// Backward, with the mean cross entropy as loss: dz = (p - y) / rows, dW2 = hT dz, dh = dz W2T * keep * (1 - tanh2), dW1 = xT dh.
/// Parameters and gradients are read and written where they lie; nothing is copied.
/// </remarks>
internal sealed class HeadGradients : IDisposable
{
    private const string Texts = "x", Targets = "y", Keep = "keep", Share = "share";
    private const int Axis = 0;

    private readonly HeadWeights _weights;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly Dictionary<string, float[]> _gradients;

    public HeadGradients(HeadWeights weights)
    {
        _weights = weights;
        _gradients = weights.Parameters.ToDictionary(p => p.Key, p => new float[p.Value.Length]);
        using var options = new SessionOptions { IntraOpNumThreads = 1, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC };
        _session = new(Graph(weights), options);
    }

    /// <summary>The gradient of each parameter, after <see cref="Calculate"/>.</summary>
    public IReadOnlyDictionary<string, float[]> Gradients => _gradients;

    /// <summary>Calculates the gradients for some texts.</summary>
    /// <param name="texts">Standardised features, [rows, features].</param>
    /// <param name="targets">The probability that each label should have, [rows, labels].</param>
    /// <param name="keep">0 for hidden units that are left out, else the inverse of the share kept: [rows, hidden].</param>
    public void Calculate(float[] texts, float[] targets, float[] keep)
    {
        var shape = _weights.Shape;
        var rows = targets.Length / shape.Labels;
        using var values = new DisposableValues();
        var inputs = new Dictionary<string, OrtValue>
        {
            [Texts] = values.Of(texts, [rows, shape.Features]),
            [Targets] = values.Of(targets, [rows, shape.Labels]),
            [Share] = values.Of([1f / rows], []),
        };
        if (shape.Hidden > 0) inputs[Keep] = values.Of(keep, [rows, shape.Hidden]);
        foreach (var (name, parameter) in _weights.Parameters) inputs[name] = values.Of(parameter, _weights.SizesOf(name));
        var outputs = _gradients.ToDictionary(g => GradientOf(g.Key), g => values.Of(g.Value, _weights.SizesOf(g.Key)));
        _session.Run(_run, [.. inputs.Keys], [.. inputs.Values], [.. outputs.Keys], [.. outputs.Values]);
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    private static string GradientOf(string parameter) => parameter + ".gradient";

    private static byte[] Graph(HeadWeights weights)
    {
        var shape = weights.Shape;
        var model = GraphBuilder.Model("head");
        var g = new GraphBuilder(model.Graph, "step");
        g.Input(Texts, DataType.Float, -1, shape.Features);
        g.Input(Targets, DataType.Float, -1, shape.Labels);
        g.Input(Share, DataType.Float);
        foreach (var name in weights.Parameters.Keys) g.Input(name, DataType.Float, weights.SizesOf(name));

        var inner = Texts;
        var tanh = "";
        if (shape.Hidden > 0)
        {
            g.Input(Keep, DataType.Float, -1, shape.Hidden);
            tanh = g.Node("Tanh", [g.Node("Gemm", [Texts, HeadWeights.HiddenWeight, HeadWeights.HiddenBias])]);
            inner = g.Node("Mul", [tanh, Keep]);
        }

        var logits = g.Node("Gemm", [inner, HeadWeights.LabelWeight, HeadWeights.LabelBias]);
        var probabilities = shape.MultiLabel ? g.Node("Sigmoid", [logits]) : g.Node("Softmax", [logits]);
        var error = g.Node("Mul", [g.Node("Sub", [probabilities, Targets]), Share]);
        AddLayer(g, weights, inner, error, HeadWeights.LabelWeight, HeadWeights.LabelBias);
        if (shape.Hidden == 0) return model.ToByteArray();

        var back = g.Node("Gemm", [error, HeadWeights.LabelWeight], GraphBuilder.Attribute("transB", 1));
        var slope = g.Node("Sub", [g.Constant("one", 1), g.Node("Mul", [tanh, tanh])]);
        var hiddenError = g.Node("Mul", [g.Node("Mul", [back, Keep]), slope]);
        AddLayer(g, weights, Texts, hiddenError, HeadWeights.HiddenWeight, HeadWeights.HiddenBias);
        return model.ToByteArray();
    }

    /// <summary>The gradients of a layer's matrix and bias: inputT error, and the error's sum over the rows.</summary>
    private static void AddLayer(GraphBuilder g, HeadWeights weights, string input, string error, string matrix, string bias)
    {
        g.NodeAs(GradientOf(matrix), "Gemm", [input, error], GraphBuilder.Attribute("transA", 1));
        g.NodeAs(GradientOf(bias), "ReduceSum", [error, g.Constant(bias + ".axis", [(long)Axis])], GraphBuilder.Attribute("keepdims", 0));
        g.Output(GradientOf(matrix), DataType.Float, weights.SizesOf(matrix));
        g.Output(GradientOf(bias), DataType.Float, weights.SizesOf(bias));
    }

    /// <summary>Tensors over arrays, let go together.</summary>
    private sealed class DisposableValues : IDisposable
    {
        private readonly List<OrtValue> _values = [];

        public OrtValue Of(float[] array, long[] sizes)
        {
            var value = OrtValue.CreateTensorValueFromMemory(array, sizes);
            _values.Add(value);
            return value;
        }

        public void Dispose()
        {
            foreach (var value in _values) value.Dispose();
        }
    }
}
