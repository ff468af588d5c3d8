using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;

namespace MtlStream.Onnx;

/// <summary>One caller's input and output memory, allocated once, and its bindings of a session to it. Not thread-safe.</summary>
/// <remarks>
/// The memory comes from the device's allocator: pinned on a GPU, so that copies need no staging. The views of a shape are made the
/// first time it is used and kept; every shape lies over the same memory. On a CPU they are bound once and a call allocates nothing
/// on the managed heap. On a GPU they are handed over in every call: binding an input copies it to the device there and then
/// (onnxruntime/core/session/IOBinding.cc), so what was bound once would never change again.
/// </remarks>
internal sealed unsafe class InferenceWorker : IDisposable
{
    private const int MostShapes = 1024; // all lengths of one row, and more; without a grid, rows x lengths would know no end

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly ModelInputs _inputs;
    private readonly IReadOnlyList<ManifestTask> _tasks;
    private readonly bool _bindOnce;
    private readonly Dictionary<(int Rows, int Columns), Views> _views = [];
    private readonly List<OrtMemoryAllocation> _allocations = [];
    private readonly OrtMemoryInfo _memory;
    private readonly Buffer _ids, _mask, _types;
    private readonly Buffer[] _scores, _tags;
    private int _filledRows, _filledColumns;

    /// <param name="tasks">Only their outputs are fetched.</param>
    /// <param name="bindOnce">True where the device reads the inputs where they lie: on a CPU.</param>
    public InferenceWorker(
        InferenceSession session, OrtAllocator allocator, ModelInputs inputs, IReadOnlyList<ManifestTask> tasks, CallShape shape, bool bindOnce)
    {
        _bindOnce = bindOnce;
        _session = session;
        _inputs = inputs;
        _tasks = tasks;
        _memory = allocator.Info;
        try
        {
            _ids = Allocate(allocator, TensorElementType.Int64, shape.MaxCallTokens, sizeof(long));
            _mask = Allocate(allocator, TensorElementType.Int64, shape.MaxCallTokens, sizeof(long));
            _types = Allocate(allocator, TensorElementType.Int64, shape.MaxCallTokens, sizeof(long));
            _scores = [.. tasks.Select(t => Allocate(
                allocator, TensorElementType.Float, t.Task.IsTokenLevel ? shape.MaxCallTokens : shape.MaxCallRows * t.Task.Labels.Count, sizeof(float)))];
            _tags = [.. tasks.Select(t => t.Task.IsTokenLevel
                ? Allocate(allocator, TensorElementType.Int32, shape.MaxCallTokens, sizeof(int)) : default)];
        }
        catch
        {
            Dispose(); // now: later the device's allocator is gone
            throw;
        }
    }

    /// <summary>Starts a call: rows to be filled with <see cref="Row"/>, all of them padding until then.</summary>
    public void Begin(int rows, int columns)
    {
        (_filledRows, _filledColumns) = (rows, columns);
        var tokens = rows * columns;
        new Span<long>(_ids.Data, tokens).Clear();
        new Span<long>(_mask.Data, tokens).Clear();
        new Span<long>(_types.Data, tokens).Clear();
        // A row without a single token gives 0/0 in attention and pooling; nobody reads a padding row, but NaN must not spread.
        for (var row = 0; row < rows; row++) ((long*)_mask.Data)[row * columns] = 1;
    }

    /// <summary>The input of one row, to be written by the caller: token ids and letter-case ids.</summary>
    public void Row(int row, int length, out Span<long> ids, out Span<long> types)
    {
        var start = row * _filledColumns;
        ids = new Span<long>((long*)_ids.Data + start, length);
        types = new Span<long>((long*)_types.Data + start, length);
        new Span<long>((long*)_mask.Data + start, length).Fill(1);
    }

    /// <summary>Runs the graph over the rows filled.</summary>
    /// <exception cref="OnnxRuntimeException">The device refused.</exception>
    public void Run()
    {
        if (!_views.TryGetValue((_filledRows, _filledColumns), out var views))
        {
            if (_views.Count == MostShapes) ForgetShapes();
            _views.Add((_filledRows, _filledColumns), views = ViewsOf(_filledRows, _filledColumns));
        }

        if (views.Binding is { } binding) _session.RunWithBinding(_run, binding);
        else _session.Run(_run, views.Inputs, views.InputValues, views.Outputs, views.OutputValues);
    }

    /// <summary>Scores of a task for one row of the last call: per label for a text-level task, per column for a token-level one.</summary>
    public ReadOnlySpan<float> Scores(int task, int row)
    {
        var width = _tasks[task].Task.IsTokenLevel ? _filledColumns : _tasks[task].Task.Labels.Count;
        return new((float*)_scores[task].Data + row * width, width);
    }

    /// <summary>Label ids of a token-level task for one row of the last call.</summary>
    public ReadOnlySpan<int> Tags(int task, int row) => new((int*)_tags[task].Data + row * _filledColumns, _filledColumns);

    public void Dispose()
    {
        ForgetShapes();
        foreach (var allocation in _allocations) allocation.Dispose();
        _run.Dispose();
    }

    private void ForgetShapes()
    {
        foreach (var views in _views.Values) views.Dispose();
        _views.Clear();
    }

    private Views ViewsOf(int rows, int columns)
    {
        var views = new Views();
        Input(_inputs.Ids, _ids);
        Input(_inputs.Mask, _mask);
        if (_inputs.Types is { } types) Input(types, _types);
        for (var task = 0; task < _tasks.Count; task++)
        {
            var (head, outputs, _, _, _) = _tasks[task];
            Output(outputs.Scores, _scores[task], head.IsTokenLevel ? columns : head.Labels.Count);
            if (outputs.Tags is { } tags) Output(tags, _tags[task], columns);
        }

        if (_bindOnce) views.Bind(_session.CreateIoBinding());
        return views;

        void Input(string name, Buffer buffer)
        {
            views.Inputs.Add(name);
            views.InputValues.Add(View(buffer, columns));
        }

        void Output(string name, Buffer buffer, int width)
        {
            views.Outputs.Add(name);
            views.OutputValues.Add(View(buffer, width));
        }

        OrtValue View(Buffer buffer, int width) =>
            OrtValue.CreateTensorValueWithData(_memory, buffer.Type, [rows, width], buffer.Address, buffer.Bytes);
    }

    private Buffer Allocate(OrtAllocator allocator, TensorElementType type, int elements, int elementBytes)
    {
        var allocation = allocator.Allocate((uint)(elements * elementBytes));
        _allocations.Add(allocation);
        return new(allocation.DangerousGetHandle(), type, allocation.Size);
    }

    private readonly record struct Buffer(nint Address, TensorElementType Type, long Bytes)
    {
        public void* Data => (void*)Address;
    }

    /// <summary>The lane's memory as tensors of one shape.</summary>
    private sealed class Views : IDisposable
    {
        public List<string> Inputs { get; } = [];
        public List<OrtValue> InputValues { get; } = [];
        public List<string> Outputs { get; } = [];
        public List<OrtValue> OutputValues { get; } = [];
        public OrtIoBinding? Binding { get; private set; }

        public void Bind(OrtIoBinding binding)
        {
            Binding = binding;
            for (var i = 0; i < Inputs.Count; i++) binding.BindInput(Inputs[i], InputValues[i]);
            for (var i = 0; i < Outputs.Count; i++) binding.BindOutput(Outputs[i], OutputValues[i]);
        }

        public void Dispose()
        {
            Binding?.Dispose();
            foreach (var value in InputValues) value.Dispose();
            foreach (var value in OutputValues) value.Dispose();
        }
    }
}
