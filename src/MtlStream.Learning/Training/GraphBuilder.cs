using System.Runtime.InteropServices;
using Google.Protobuf;
using Onnx;

namespace MtlStream.Learning.Training;

/// <summary>Writes the nodes of an ONNX graph, in the order of their calculation.</summary>
/// <remarks>Operators: https://github.com/onnx/onnx/blob/main/docs/Operators.md, opset 17.</remarks>
/// <param name="prefix">Stands before the names of nodes and of values in between, so that they differ from what the graph has.</param>
internal sealed class GraphBuilder(GraphProto graph, string prefix)
{
    private const long IrVersion = 8;
    private const long Opset = 17;

    private int _values;

    /// <summary>A model around an empty graph.</summary>
    public static ModelProto Model(string name) => new()
    {
        IrVersion = IrVersion,
        ProducerName = "MtlStream",
        Graph = new() { Name = name },
        OpsetImport = { new OperatorSetIdProto { Domain = "", Version = Opset } },
    };

    /// <summary>Adds an input.</summary>
    /// <param name="shape">Sizes; a negative one is open.</param>
    public string Input(string name, TensorProto.Types.DataType type, params ReadOnlySpan<long> shape)
    {
        graph.Input.Add(Value(name, type, shape));
        return name;
    }

    /// <summary>Makes a value of the graph an output, under its own name.</summary>
    public void Output(string name, TensorProto.Types.DataType type, params ReadOnlySpan<long> shape) => graph.Output.Add(Value(name, type, shape));

    /// <summary>Adds a constant of floats, row-major.</summary>
    public string Constant(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        graph.Initializer.Add(Tensor(name, TensorProto.Types.DataType.Float, MemoryMarshal.AsBytes(values), shape));
        return name;
    }

    /// <summary>Adds a single float.</summary>
    public string Constant(string name, float value) => Constant(name, [value], []);

    /// <summary>Adds a constant of whole numbers, one-dimensional.</summary>
    public string Constant(string name, ReadOnlySpan<long> values)
    {
        graph.Initializer.Add(Tensor(name, TensorProto.Types.DataType.Int64, MemoryMarshal.AsBytes(values), [values.Length]));
        return name;
    }

    /// <summary>Adds a node with one output, and names what it gives.</summary>
    public string Node(string op, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes) =>
        NodeAs($"{prefix}/{op.ToLowerInvariant()}{_values++}", op, inputs, attributes);

    /// <summary>Adds a node with one output of a given name.</summary>
    public string NodeAs(string output, string op, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = op, Name = output };
        foreach (var input in inputs) node.Input.Add(input);
        foreach (var attribute in attributes) node.Attribute.Add(attribute);
        node.Output.Add(output);
        graph.Node.Add(node);
        return output;
    }

    public static AttributeProto Attribute(string name, long value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    public static AttributeProto Attribute(string name, ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        foreach (var value in values) attribute.Ints.Add(value);
        return attribute;
    }

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, ReadOnlySpan<long> shape)
    {
        var dimensions = new TensorShapeProto();
        foreach (var size in shape)
        {
            var dimension = new TensorShapeProto.Types.Dimension();
            if (size >= 0) dimension.DimValue = size;
            dimensions.Dim.Add(dimension);
        }

        return new() { Name = name, Type = new() { TensorType = new() { ElemType = (int)type, Shape = dimensions } } };
    }

    private static TensorProto Tensor(string name, TensorProto.Types.DataType type, ReadOnlySpan<byte> bytes, ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        foreach (var size in shape) tensor.Dims.Add(size);
        return tensor;
    }
}
