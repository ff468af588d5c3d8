using System.Text;

namespace MtlStream.Onnx;

/// <summary>Takes out of a graph what only unwanted outputs need: ONNX Runtime runs every node, whether its result is fetched or not.</summary>
/// <remarks>
/// Works on the file's protobuf fields (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): of a ModelProto the graph (7), of a
/// GraphProto nodes (1), initializers (5) and outputs (12); everything else is copied as it is.
/// </remarks>
internal static class GraphPruning
{
    private const int Graph = 7, Node = 1, Initializer = 5, Output = 12;
    private const int NodeInput = 1, NodeOutput = 2, NodeAttribute = 5, AttributeGraph = 6, AttributeGraphs = 11, TensorName = 8, ValueName = 1;

    /// <param name="model">A serialized ModelProto, its nodes in topological order as the format demands.</param>
    /// <param name="outputs">Names of the outputs to keep.</param>
    /// <returns>The model without the rest; as it was when a node holds a graph of its own, whose needs are not looked into.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a protobuf message.</exception>
    public static byte[] Keep(byte[] model, IReadOnlySet<string> outputs)
    {
        var top = Fields(model);
        var graphs = top.Where(f => f.Number == Graph).ToList();
        if (graphs.Count != 1) return model;
        var fields = Fields(graphs[0].Content);
        var nodes = fields.Where(f => f.Number == Node).ToList();
        if (nodes.Any(HoldsGraph)) return model;

        var needed = new HashSet<string>(outputs);
        var kept = new HashSet<Field>();
        foreach (var node in Enumerable.Reverse(nodes))
        {
            var parts = Fields(node.Content);
            if (!parts.Any(p => p.Number == NodeOutput && needed.Contains(p.Text))) continue;
            kept.Add(node);
            foreach (var input in parts.Where(p => p.Number == NodeInput)) needed.Add(input.Text);
        }

        var pruned = Join(fields.Where(f => f.Number switch
        {
            Node => kept.Contains(f),
            Initializer => needed.Contains(Name(f, TensorName)),
            Output => outputs.Contains(Name(f, ValueName)),
            _ => true,
        }).Select(f => f.Whole));
        return Join(top.SelectMany<Field, ReadOnlyMemory<byte>>(f => f.Number == Graph ? [Header(Graph, pruned.Length), pruned] : [f.Whole]));
    }

    private static bool HoldsGraph(Field node) => Fields(node.Content)
        .Where(f => f.Number == NodeAttribute)
        .SelectMany(a => Fields(a.Content))
        .Any(f => f.Number is AttributeGraph or AttributeGraphs);

    private static string Name(Field message, int number) => Fields(message.Content).FirstOrDefault(f => f.Number == number)?.Text ?? "";

    private static byte[] Join(IEnumerable<ReadOnlyMemory<byte>> parts)
    {
        using var joined = new MemoryStream();
        foreach (var part in parts) joined.Write(part.Span);
        return joined.ToArray();
    }

    private static byte[] Header(int number, int length)
    {
        var header = new List<byte> { (byte)((number << 3) | 2) };
        for (; length >= 0x80; length >>= 7) header.Add((byte)(length | 0x80));
        header.Add((byte)length);
        return [.. header];
    }

    private static List<Field> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<Field>();
        for (var at = 0; at < message.Length;)
        {
            var start = at;
            var tag = Varint(message.Span, ref at);
            var length = (tag & 7) switch
            {
                0 => NoContentAfter(Varint(message.Span, ref at)),
                1 => 8,
                2 => (int)Math.Min(Varint(message.Span, ref at), int.MaxValue),
                5 => 4,
                _ => throw Malformed(),
            };
            if (length > message.Length - at) throw Malformed();
            fields.Add(new((int)(tag >> 3), message.Slice(at, length), message[start..(at + length)]));
            at += length;
        }

        return fields;

        static int NoContentAfter(ulong _) => 0;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= bytes.Length) throw Malformed();
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw Malformed();
    }

    private static InvalidDataException Malformed() => new("not an ONNX graph: the protobuf message is malformed or truncated");

    /// <param name="content">Without tag and length.</param>
    /// <param name="whole">With them.</param>
    private sealed class Field(int number, ReadOnlyMemory<byte> content, ReadOnlyMemory<byte> whole)
    {
        public int Number { get; } = number;
        public ReadOnlyMemory<byte> Content { get; } = content;
        public ReadOnlyMemory<byte> Whole { get; } = whole;
        public string Text => Encoding.UTF8.GetString(Content.Span);
    }
}
