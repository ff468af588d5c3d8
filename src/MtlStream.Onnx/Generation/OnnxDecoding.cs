using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MtlStream.Generation;

namespace MtlStream.Onnx.Generation;

/// <summary>What a decoder remembers of rows: keys and values of its own tokens, and of the source's.</summary>
/// <remarks>What a call gives goes into the next one as it is; rows are copied only where they leave, join or change places.</remarks>
internal sealed class OnnxDecoding : IDecoding
{
    private readonly OnnxSequenceModel _model;
    private readonly OrtValue _states; // [rows, longest source, width]
    private readonly OrtValue _mask; // [rows, longest source]
    private OrtValue[]? _cells; // as the graph's; null before the first step
    private OrtValue? _logits;

    /// <summary>Owns what it is given.</summary>
    public OnnxDecoding(OnnxSequenceModel model, OrtValue states, OrtValue mask, OrtValue[]? cells = null)
    {
        (_model, _states, _mask, _cells) = (model, states, mask, cells);
        Rows = (int)TensorRows.ShapeOf(mask)[0];
    }

    public int Rows { get; }

    public Span<float> Read(scoped ReadOnlySpan<int> tokens)
    {
        if (tokens.Length != Rows) throw new ArgumentException($"Found {tokens.Length} tokens, expected one for each of {Rows} rows.", nameof(tokens));
        using var ids = Ids(tokens, Rows, 1);
        if (_cells is null) First(ids);
        else Next(ids, _cells);
        return _logits!.GetTensorMutableDataAsSpan<float>();
    }

    public IDecoding Choose(ReadOnlySpan<int> rows)
    {
        var chosen = rows.ToArray();
        return new OnnxDecoding(
            _model, TensorRows.Select(_states, chosen), TensorRows.Select(_mask, chosen), _cells?.Select(cell => TensorRows.Select(cell, chosen)).ToArray());
    }

    public IDecoding Join(IDecoding other)
    {
        var added = (OnnxDecoding)other;
        return new OnnxDecoding(
            _model, TensorRows.Join(_states, added._states, axis: 1), TensorRows.Join(_mask, added._mask, axis: 1),
            _cells?.Select((cell, i) => TensorRows.Join(cell, added._cells![i], axis: 2)).ToArray());
    }

    /// <summary>What comes next behind a whole beginning of the only row. Remembers nothing.</summary>
    public float[] ReadAnew(int[] beginning)
    {
        using var ids = Ids(beginning, 1, beginning.Length);
        using var outputs = RunFirst(ids);
        var logits = outputs[0].GetTensorDataAsSpan<float>();
        return logits[^(logits.Length / beginning.Length)..].ToArray();
    }

    public void Dispose()
    {
        _states.Dispose();
        _mask.Dispose();
        _logits?.Dispose();
        foreach (var cell in _cells ?? []) cell.Dispose();
    }

    private void First(OrtValue ids)
    {
        var outputs = RunFirst(ids); // its values live on, each with an owner
        Take(outputs[0]);
        _cells = [.. outputs.Skip(1)];
    }

    private IDisposableReadOnlyCollection<OrtValue> RunFirst(OrtValue ids)
    {
        var graph = _model.Decoder;
        var inputs = new Inputs();
        inputs.Add(DecoderGraph.Ids, ids);
        inputs.Add(DecoderGraph.States, _states);
        inputs.Add(DecoderGraph.Mask, _mask);
        using var branch = Flag(false);
        var nothing = new List<OrtValue>();
        if (graph.IsMerged)
        {
            inputs.Add(DecoderGraph.Branch, branch);
            foreach (var cell in graph.Cells)
            {
                var (heads, size) = graph.ShapeOf(cell);
                nothing.Add(TensorRows.New(TensorElementType.Float, TensorRows.ShapeOf(ids)[0], heads, 1, size)); // there must be one; it is not read
                nothing[^1].GetTensorMutableDataAsSpan<float>().Clear();
                inputs.Add(DecoderGraph.PastOf(cell), nothing[^1]);
            }
        }

        try
        {
            return OnnxSequenceModel.Called(() => graph.RunFirst(_model.Options, inputs.Names, inputs.Values));
        }
        finally
        {
            foreach (var value in nothing) value.Dispose();
        }
    }

    private void Next(OrtValue ids, OrtValue[] cells)
    {
        var graph = _model.Decoder;
        var inputs = new Inputs();
        inputs.Add(DecoderGraph.Ids, ids);
        if (graph.OthersTake(DecoderGraph.States)) inputs.Add(DecoderGraph.States, _states);
        if (graph.OthersTake(DecoderGraph.Mask)) inputs.Add(DecoderGraph.Mask, _mask);
        using var branch = Flag(true);
        if (graph.IsMerged) inputs.Add(DecoderGraph.Branch, branch);
        for (var i = 0; i < cells.Length; i++) inputs.Add(DecoderGraph.PastOf(graph.Cells[i]), cells[i]);
        var outputs = OnnxSequenceModel.Called(() => graph.RunOthers(_model.Options, inputs.Names, inputs.Values));
        Take(outputs[0]);
        var output = 1;
        for (var i = 0; i < cells.Length; i++)
        {
            if (!DecoderGraph.IsOwn(graph.Cells[i])) continue;
            cells[i].Dispose();
            cells[i] = outputs[output++];
        }
    }

    private void Take(OrtValue logits)
    {
        _logits?.Dispose();
        _logits = logits;
    }

    private static OrtValue Ids(ReadOnlySpan<int> tokens, int rows, int length)
    {
        var ids = TensorRows.New(TensorElementType.Int64, rows, length);
        var target = ids.GetTensorMutableDataAsSpan<long>();
        for (var i = 0; i < tokens.Length; i++) target[i] = tokens[i];
        return ids;
    }

    private static OrtValue Flag(bool value)
    {
        var flag = TensorRows.New(TensorElementType.Bool, 1);
        flag.GetTensorMutableDataAsSpan<bool>()[0] = value;
        return flag;
    }

    private sealed class Inputs
    {
        public List<string> Names { get; } = [];
        public List<OrtValue> Values { get; } = [];

        public void Add(string name, OrtValue value)
        {
            Names.Add(name);
            Values.Add(value);
        }
    }
}
