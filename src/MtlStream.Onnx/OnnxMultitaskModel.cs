using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Onnx;

/// <summary>A model package served by ONNX Runtime. Thread-safe per lane.</summary>
/// <remarks>
/// On a CPU all lanes call one session whose calls run on the calling thread alone: the same work as a session per lane, with
/// the weights in memory once. Lanes of several threads have a session each. Each lane has its own memory for inputs and outputs.
/// </remarks>
public sealed class OnnxMultitaskModel : IMultitaskModel
{
    private const int GpuLanes = 2; // one call on the device, the next being filled

    private readonly ModelManifest _manifest;
    private readonly IReadOnlyList<InferenceSession> _sessions;
    private readonly OrtAllocator _allocator;
    private readonly CallShape _calls;
    private readonly ModelMetrics? _metrics;
    private readonly InferenceWorker[] _lanes;
    private readonly RowDeduplicator[] _deduplicators;

    private OnnxMultitaskModel(
        ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, IReadOnlyList<InferenceSession> sessions, string device, CallShape calls,
        int lanes, int threads, ModelMetrics? metrics)
    {
        Threads = threads;
        _manifest = manifest;
        _sessions = sessions;
        _metrics = metrics;
        Identity = new(manifest.Name, manifest.Version, device);
        Tasks = [.. tasks.Select(t => t.Task)];
        _calls = calls;
        _allocator = device == "cpu" ? OrtAllocator.DefaultInstance : PinnedAllocator(sessions[0]);
        _lanes = new InferenceWorker[lanes];
        try
        {
            for (var lane = 0; lane < lanes; lane++)
                _lanes[lane] = new InferenceWorker(sessions[lane % sessions.Count], _allocator, manifest.Inputs, tasks, calls, bindOnce: device == "cpu");
        }
        catch
        {
            DisposeLanes();
            throw;
        }

        _deduplicators = [.. _lanes.Select(_ => new RowDeduplicator())];
    }

    public ModelIdentity Identity { get; }
    public IReadOnlyList<ModelTask> Tasks { get; }
    public BatchShape Shape => _calls.Batch;
    public int Lanes => _lanes.Length;

    /// <summary>Threads of one call, on a CPU.</summary>
    public int Threads { get; }

    /// <summary>Why <c>auto</c> took the CPU; null when it did not, or was not asked.</summary>
    public string? Fallback { get; private set; }

    /// <summary>Loads a package, checks it against its graph, and warms up every lane.</summary>
    /// <param name="limits">Sizes of a call on a GPU, where something else than its own is asked for.</param>
    /// <exception cref="InvalidDataException">The package is not what its manifest says; the message names everything that does not fit.</exception>
    /// <exception cref="DeviceUnavailableException">The device asked for by name is not here.</exception>
    /// <exception cref="InferenceException">The warm-up failed.</exception>
    public static OnnxMultitaskModel Load(
        ModelManifest manifest, ModelOptions options, ILogger logger, ModelMetrics? metrics = null, BatchingOptions? limits = null)
    {
        var started = Stopwatch.GetTimestamp();
        Refuse(manifest.VerifyChecksums(), manifest);
        var tasks = manifest.Select(options.Tasks);
        var model = options.Device == "auto" ? OnAny() : On(options.Device);
        logger.ModelReady(
            manifest.Name, manifest.Version, string.Join(", ", model.Tasks.Select(t => t.Name)), model.Identity.Device, model.Lanes, model.Threads,
            Stopwatch.GetElapsedTime(started).TotalSeconds);
        return model;

        OnnxMultitaskModel OnAny()
        {
            var reason = $"the package {manifest.Name} has no graph for one.";
            try
            {
                if (manifest.Graphs.ContainsKey("cuda")) return On("cuda");
            }
            catch (Exception exception) when (exception is DeviceUnavailableException or InferenceException)
            {
                reason = exception.Message.TrimEnd('.') + ".";
            }

            logger.FellBackToCpu(reason);
            var model = On("cpu");
            model.Fallback = reason;
            return model;
        }

        OnnxMultitaskModel On(string device) => device == "cpu" && options.ThreadsPerLane == 0
            ? ThreadTuning.Choose(
                ThreadTuning.Threads(Environment.ProcessorCount), threads => Make(device, threads), m => m.RowsPerSecond(ThreadTuning.Columns, ThreadTuning.Each),
                (threads, rate) => logger.LanesTried(Lanes(device, threads), threads, ThreadTuning.Columns, rate), ThreadTuning.InAll)
            : Make(device, Math.Max(1, options.ThreadsPerLane));

        int Lanes(string device, int threads) =>
            options.Lanes > 0 ? options.Lanes : device == "cpu" ? Math.Max(1, Environment.ProcessorCount / threads) : GpuLanes;

        OnnxMultitaskModel Make(string device, int threads)
        {
            var calls = CallsOn(device, manifest, options, limits);
            var sessions = new List<InferenceSession> { SessionFactory.Open(manifest, tasks, device, calls, threads) };
            OnnxMultitaskModel? made = null;
            try
            {
                Refuse(GraphCheck.Compare(sessions[0], manifest.Inputs, tasks), manifest);
                while (device == "cpu" && threads > 1 && sessions.Count < Lanes(device, threads))
                    sessions.Add(SessionFactory.Open(manifest, tasks, device, calls, threads));
                made = new OnnxMultitaskModel(manifest, tasks, sessions, device, calls, Lanes(device, threads), threads, metrics);
                made.WarmUp();
                return made;
            }
            catch (Exception exception)
            {
                made?.Dispose();
                if (made is null) sessions.ForEach(s => s.Dispose());
                if (exception is OnnxRuntimeException) throw Failed(device, exception); // no memory for the lanes
                throw;
            }
        }
    }

    public Predictions Predict(TokenBatch batch, int lane)
    {
        if (batch.Columns > _manifest.MaxTokens)
            throw new InferenceException($"A batch of {batch.Columns} columns, but the model {Identity.Name} takes at most {_manifest.MaxTokens}.");

        var rows = _deduplicators[lane];
        rows.Load(batch);
        if (rows.Unique.Count < batch.Rows.Count) _metrics?.Deduplicated.Add(batch.Rows.Count - rows.Unique.Count);

        var predictions = new Predictions(Tasks, batch.Rows.Count, batch.Columns);
        try
        {
            for (var (first, count) = (0, 0); first < rows.Unique.Count; first += count)
            {
                count = RowsOfCall(batch, rows.Unique, first);
                Score(batch, rows.Unique, first, count, _lanes[lane], predictions);
            }

            for (var row = 0; row < batch.Rows.Count; row++)
            {
                if (rows.Sources[row] is var source && source != row) Copy(predictions, source, row);
            }

            return predictions;
        }
        catch
        {
            predictions.Dispose();
            throw;
        }
    }

    public void Probe(int lane)
    {
        // Token 0 is in every vocabulary; a device that cannot score eight of them cannot score anything.
        const int length = 8;
        var columns = _calls.Batch.PadTo(length);
        _lanes[lane].Begin(_calls.PadRows(1, columns), columns);
        _lanes[lane].Row(0, length, out _, out _);
        Run(_lanes[lane]);
        for (var task = 0; task < Tasks.Count; task++)
        {
            for (var output = 0; output < Tasks[task].Outputs.Count; output++)
            {
                if (IsFinite(_lanes[lane], task, output, 0, length)) continue;
                throw new InferenceException(
                    $"The model {Identity.Name} on {Identity.Device} gives scores that are not finite for a known-good row: task {Tasks[task].Name}.");
            }
        }
    }

    public void Dispose()
    {
        DisposeLanes();
        foreach (var session in _sessions) session.Dispose();
    }

    private void DisposeLanes()
    {
        foreach (var lane in _lanes) lane?.Dispose(); // null where making it failed
        if (Identity.Device != "cpu") _allocator.Dispose();
    }

    /// <summary>Runs every shape that will occur once, on all lanes at a time, so that no event pays for it.</summary>
    private void WarmUp() => OnAllLanes(lane =>
    {
        foreach (var (rows, columns) in _calls.WarmUpShapes(_manifest.MaxTokens)) Call(rows, columns, lane);
    });

    /// <summary>Rows of so many tokens that all lanes together score in a second.</summary>
    private double RowsPerSecond(int columns, TimeSpan time)
    {
        var started = Stopwatch.GetTimestamp();
        var (rows, scored) = (_calls.RowsAt(columns), 0L);
        OnAllLanes(lane =>
        {
            do
            {
                Call(rows, columns, lane);
                Interlocked.Add(ref scored, rows);
            }
            while (Stopwatch.GetElapsedTime(started) < time);
        });
        return scored / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private void OnAllLanes(Action<InferenceWorker> work)
    {
        try
        {
            Parallel.ForEach(_lanes, new() { MaxDegreeOfParallelism = _lanes.Length }, work);
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.InnerExceptions[0]); // as if one lane had been asked
        }
    }

    /// <summary>Rows from <paramref name="first"/> on, longest first, that cost less beside each other than in calls of their own.</summary>
    private int RowsOfCall(TokenBatch batch, List<int> rows, int first)
    {
        var longest = batch.Rows[rows[first]].Length;
        var most = Math.Min(_calls.RowsAt(_calls.Batch.PadTo(longest)), rows.Count - first);
        var count = 1;
        while (count < most && longest - batch.Rows[rows[first + count]].Length <= _calls.MaxRowPadding) count++;
        return count;
    }

    private void Score(TokenBatch batch, List<int> rows, int first, int count, InferenceWorker lane, Predictions predictions)
    {
        var columns = _calls.Batch.PadTo(batch.Rows[rows[first]].Length);
        var padded = _calls.PadRows(count, columns);
        lane.Begin(padded, columns);
        predictions.Computed += padded * columns;
        predictions.Padding += padded * columns;
        for (var i = 0; i < count; i++)
        {
            var row = batch.Rows[rows[first + i]];
            predictions.Padding -= row.Length;
            lane.Row(i, row.Length, out var ids, out var cases);
            row.Tokens.WriteRow(row.Window, ids, cases);
        }

        Run(lane);
        for (var i = 0; i < count; i++)
        {
            var row = rows[first + i];
            Take(lane, i, predictions, row, batch.Rows[row].Length);
        }
    }

    private void Take(InferenceWorker lane, int callRow, Predictions predictions, int row, int length)
    {
        for (var task = 0; task < Tasks.Count; task++)
        {
            var values = predictions.Of(task, row);
            for (var output = 0; output < Tasks[task].Outputs.Count; output++)
            {
                if (!IsFinite(lane, task, output, callRow, length))
                    throw new InferenceException($"The model gave scores that are not finite: task {Tasks[task].Name}, row {row}.");
                lane.Output(task, output, callRow)[..Tasks[task].Outputs[output].Width(length)].CopyTo(values.Floats(output));
            }
        }
    }

    private void Copy(Predictions predictions, int from, int to)
    {
        for (var task = 0; task < Tasks.Count; task++)
            predictions.Of(task, from).CopyTo(predictions.Of(task, to), predictions.PaddedLength);
    }

    /// <summary>False when an output of numbers has one that is not finite among those of a sequence of so many tokens.</summary>
    private bool IsFinite(InferenceWorker lane, int task, int output, int callRow, int length)
    {
        var shape = Tasks[task].Outputs[output];
        return shape.Type != ElementType.Number || AreFinite(lane.Output(task, output, callRow)[..shape.Width(length)]);
    }

    private void Call(int rows, int columns, InferenceWorker lane)
    {
        lane.Begin(rows, columns);
        for (var row = 0; row < rows; row++) lane.Row(row, columns, out _, out _);
        Run(lane);
    }

    private void Run(InferenceWorker lane)
    {
        try
        {
            lane.Run();
        }
        catch (OnnxRuntimeException exception)
        {
            throw Failed(Identity.Device, exception);
        }
    }

    private static InferenceException Failed(string device, Exception exception) =>
        new($"ONNX Runtime on {device}: {exception.Message}", exception, IsOutOfMemory(exception.Message));

    // ONNX Runtime has no error code for it: these are the words of its arenas, of CUDA, of cuBLAS and of TensorRT.
    internal static bool IsOutOfMemory(string message) =>
        message.Contains("Failed to allocate memory", StringComparison.OrdinalIgnoreCase) ||
        message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) ||
        message.Contains("CUBLAS_STATUS_ALLOC_FAILED", StringComparison.Ordinal) ||
        message.Contains("bad allocation", StringComparison.Ordinal) ||
        message.Contains("std::bad_alloc", StringComparison.Ordinal) ||
        message.Contains("OutOfMemory", StringComparison.Ordinal);

    private static bool AreFinite(ReadOnlySpan<float> scores)
    {
        foreach (var score in scores)
        {
            if (!float.IsFinite(score)) return false;
        }

        return true;
    }

    private static CallShape CallsOn(string device, ModelManifest manifest, ModelOptions options, BatchingOptions? limits) =>
        device != "cpu" ? CallShape.Gpu(manifest.MaxTokens, limits)
        : options.RowsPerCall > 1 ? CallShape.CpuBatches(manifest.MaxTokens, options.RowsPerCall)
        : CallShape.Cpu(manifest.MaxTokens, options.RowsPerCall == 1 ? 1 : manifest.RowsPerCall);

    private static OrtAllocator PinnedAllocator(InferenceSession session)
    {
        using var pinned = new OrtMemoryInfo(OrtMemoryInfo.allocatorCUDA_PINNED, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.CpuOutput);
        return new(session, pinned);
    }

    private static void Refuse(IReadOnlyList<string> problems, ModelManifest manifest)
    {
        if (problems.Count == 0) return;
        throw new InvalidDataException(
            $"{manifest.Folder}: {problems.Count} problem(s):{string.Concat(problems.Select(p => $"{Environment.NewLine}  {p}"))}");
    }
}
