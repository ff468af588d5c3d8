using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;
using MtlStream.Tasks;

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
    private const int MostShapes = 1024; // all lengths of one sequence, and more; without a grid, sequences x lengths would know no end

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly ModelInputs _inputs;
    private readonly IReadOnlyList<ManifestTask> _tasks;
    private readonly bool _bindOnce;
    private readonly Dictionary<(int Sequences, int PaddedLength), Views> _views = [];
    private readonly List<OrtMemoryAllocation> _allocations = [];
    private readonly OrtMemoryInfo _memory;
    private readonly Buffer _ids, _mask, _cases, _segments;
    private readonly Buffer[][] _outputs; // of each task
    private int _sequences, _paddedLength;

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
            if (inputs.Cases is not null) _cases = Allocate(allocator, TensorElementType.Int64, shape.MaxCallTokens, sizeof(long));
            if (inputs.Segments is not null) _segments = Allocate(allocator, TensorElementType.Int64, shape.MaxCallTokens, sizeof(long));
            _outputs = [.. tasks.Select(t => t.Task.Outputs.Select(Allocated).ToArray())];
        }
        catch
        {
            Dispose(); // now: later the device's allocator is gone
            throw;
        }

        Buffer Allocated(TaskOutput output) => Allocate(
            allocator, TypeOf(output), (shape.MaxCallSequences * output.Fixed) + (shape.MaxCallTokens * output.PerToken), sizeof(float));
    }

    /// <summary>What ONNX Runtime calls the elements of a task's output.</summary>
    public static TensorElementType TypeOf(TaskOutput output) => output.Type switch
    {
        ElementType.Number => TensorElementType.Float,
        ElementType.Id => TensorElementType.Int32,
        _ => throw new ArgumentException($"No tensor has elements of type {output.Type}.", nameof(output)),
    };

    /// <summary>Starts a call: sequences to be filled with <see cref="Sequence"/>, all of them padding until then.</summary>
    public void Begin(int sequences, int paddedLength)
    {
        (_sequences, _paddedLength) = (sequences, paddedLength);
        var tokens = sequences * paddedLength;
        new Span<long>(_ids.Data, tokens).Clear();
        new Span<long>(_mask.Data, tokens).Clear();
        if (_inputs.Cases is not null) new Span<long>(_cases.Data, tokens).Clear();
        if (_inputs.Segments is not null) new Span<long>(_segments.Data, tokens).Clear(); // one text: all of it is the first
        // A sequence without a single token gives 0/0 in attention and pooling; nobody reads a padding sequence, but NaN must not spread.
        for (var sequence = 0; sequence < sequences; sequence++) ((long*)_mask.Data)[sequence * paddedLength] = 1;
    }

    /// <summary>The input of one sequence, to be written by the caller: token ids and, where the graph asks for it, letter case.</summary>
    /// <param name="cases">Empty where the graph does not ask for it.</param>
    public void Sequence(int sequence, int length, out Span<long> ids, out Span<long> cases)
    {
        var start = sequence * _paddedLength;
        ids = new Span<long>((long*)_ids.Data + start, length);
        cases = _inputs.Cases is null ? default : new Span<long>((long*)_cases.Data + start, length);
        new Span<long>((long*)_mask.Data + start, length).Fill(1);
    }

    /// <summary>Runs the graph over the sequences filled.</summary>
    /// <exception cref="OnnxRuntimeException">The device refused.</exception>
    public void Run()
    {
        if (!_views.TryGetValue((_sequences, _paddedLength), out var views))
        {
            if (_views.Count == MostShapes) ForgetShapes();
            _views.Add((_sequences, _paddedLength), views = ViewsOf(_sequences, _paddedLength));
        }

        if (views.Binding is { } binding) _session.RunWithBinding(_run, binding);
        else _session.Run(_run, views.Inputs, views.InputValues, views.Outputs, views.OutputValues);
    }

    /// <summary>A task's output for one sequence of the last call, of 4 bytes an element whatever they are.</summary>
    /// <param name="output">Index in the task's outputs.</param>
    public ReadOnlySpan<float> Output(int task, int output, int sequence)
    {
        var width = _tasks[task].Task.Outputs[output].Width(_paddedLength);
        return new((float*)_outputs[task][output].Data + sequence * width, width);
    }

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

    private Views ViewsOf(int sequences, int paddedLength)
    {
        var views = new Views();
        Input(_inputs.Ids, _ids);
        Input(_inputs.Mask, _mask);
        if (_inputs.Cases is { } cases) Input(cases, _cases);
        if (_inputs.Segments is { } segments) Input(segments, _segments);
        for (var task = 0; task < _tasks.Count; task++)
        {
            var (head, tensors, _, _, _) = _tasks[task];
            for (var output = 0; output < tensors.Count; output++)
                AddOutput(tensors[output], _outputs[task][output], head.Outputs[output].Width(paddedLength));
        }

        if (_bindOnce) views.Bind(_session.CreateIoBinding());
        return views;

        void Input(string name, Buffer buffer)
        {
            views.Inputs.Add(name);
            views.InputValues.Add(View(buffer, paddedLength));
        }

        void AddOutput(string name, Buffer buffer, int width)
        {
            views.Outputs.Add(name);
            views.OutputValues.Add(View(buffer, width));
        }

        OrtValue View(Buffer buffer, int width) =>
            OrtValue.CreateTensorValueWithData(_memory, buffer.Type, [sequences, width], buffer.Address, buffer.Bytes);
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

    /// <summary>The worker's memory as tensors of one shape.</summary>
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
