using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Onnx;

/// <summary>A model package served by ONNX Runtime. Thread-safe per worker.</summary>
/// <remarks>
/// On a CPU all workers call one session whose calls run on the calling thread alone: the same work as a session per worker, with
/// the weights in memory once. Workers of several threads have a session each. Each worker has its own memory for inputs and outputs.
/// </remarks>
public sealed class OnnxMultitaskModel : IMultitaskModel
{
    private const int GpuWorkers = 2; // one call on the device, the next being filled

    private readonly ModelManifest _manifest;
    private readonly IReadOnlyList<InferenceSession> _sessions;
    private readonly OrtAllocator _allocator;
    private readonly CallShape _calls;
    private readonly ModelMetrics? _metrics;
    private readonly InferenceWorker[] _workers;
    private readonly SequenceDeduplicator[] _deduplicators;

    private OnnxMultitaskModel(
        ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, IReadOnlyList<InferenceSession> sessions, string device, CallShape calls,
        int workers, int threads, ModelMetrics? metrics)
    {
        Threads = threads;
        _manifest = manifest;
        _sessions = sessions;
        _metrics = metrics;
        Identity = new(manifest.Name, manifest.Version, device);
        Tasks = [.. tasks.Select(t => t.Task)];
        _calls = calls;
        _allocator = device == "cpu" ? OrtAllocator.DefaultInstance : PinnedAllocator(sessions[0]);
        _workers = new InferenceWorker[workers];
        try
        {
            for (var worker = 0; worker < workers; worker++)
                _workers[worker] = new InferenceWorker(sessions[worker % sessions.Count], _allocator, manifest.Inputs, tasks, calls, bindOnce: device == "cpu");
        }
        catch
        {
            DisposeWorkers();
            throw;
        }

        _deduplicators = [.. _workers.Select(_ => new SequenceDeduplicator())];
    }

    public ModelIdentity Identity { get; }
    public IReadOnlyList<ModelTask> Tasks { get; }
    public BatchShape Shape => _calls.Batch;
    public int Workers => _workers.Length;

    /// <summary>Threads of one call, on a CPU.</summary>
    public int Threads { get; }

    /// <summary>Why <c>auto</c> took the CPU although the driver of a GPU is here; null otherwise.</summary>
    public string? Fallback { get; private set; }

    /// <summary>Loads a package, checks it against its graph, and warms up every worker.</summary>
    /// <param name="limits">Sizes of a call on a GPU, where something else than its own is asked for.</param>
    /// <exception cref="InvalidDataException">The package is not what its manifest says; the message names everything that does not fit.</exception>
    /// <exception cref="DeviceUnavailableException">The device asked for by name is not here.</exception>
    /// <exception cref="InferenceException">The warm-up failed.</exception>
    public static OnnxMultitaskModel Load(
        ModelManifest manifest, ModelOptions options, ILogger logger, ModelMetrics? metrics = null, BatchingOptions? limits = null)
    {
        var started = Stopwatch.GetTimestamp();
        Refuse(manifest.VerifyChecksums(), manifest);
        var tasks = manifest.Select(options.Tasks, options.OnRequest);
        var model = options.Device == "auto" ? OnAny() : On(options.Device);
        logger.ModelReady(
            manifest.Name, manifest.Version, string.Join(", ", model.Tasks.Select(t => t.Name)), model.Identity.Device, model.Workers, model.Threads,
            Stopwatch.GetElapsedTime(started).TotalSeconds);
        return model;

        OnnxMultitaskModel OnAny()
        {
            if (!SessionFactory.HasGpuDriver)
            {
                logger.NoGpu();
                return On("cpu");
            }

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
                ThreadTuning.Threads(Environment.ProcessorCount), threads => Make(device, threads), m => m.SequencesPerSecond(ThreadTuning.Length, ThreadTuning.Each),
                (threads, rate) => logger.WorkersTried(Workers(device, threads), threads, ThreadTuning.Length, rate), ThreadTuning.InAll)
            : Make(device, Math.Max(1, options.ThreadsPerLane));

        int Workers(string device, int threads) =>
            options.Lanes > 0 ? options.Lanes : device == "cpu" ? Math.Max(1, Environment.ProcessorCount / threads) : GpuWorkers;

        OnnxMultitaskModel Make(string device, int threads)
        {
            var calls = CallsOn(device, manifest, options, limits);
            var sessions = new List<InferenceSession> { SessionFactory.Open(manifest, tasks, device, threads) };
            OnnxMultitaskModel? made = null;
            try
            {
                Refuse(GraphCheck.Compare(sessions[0], manifest.Inputs, tasks), manifest);
                while (device == "cpu" && threads > 1 && sessions.Count < Workers(device, threads))
                    sessions.Add(SessionFactory.Open(manifest, tasks, device, threads));
                made = new OnnxMultitaskModel(manifest, tasks, sessions, device, calls, Workers(device, threads), threads, metrics);
                made.WarmUp();
                return made;
            }
            catch (Exception exception)
            {
                made?.Dispose();
                if (made is null) sessions.ForEach(s => s.Dispose());
                if (exception is OnnxRuntimeException) throw Failed(device, exception); // no memory for the workers
                throw;
            }
        }
    }

    public Predictions Predict(TokenBatch batch, int worker)
    {
        if (batch.PaddedLength > _manifest.MaxTokens)
            throw new InferenceException($"A batch of sequences of {batch.PaddedLength} tokens, but the model {Identity.Name} takes at most {_manifest.MaxTokens}.");

        var sequences = _deduplicators[worker];
        sequences.Load(batch);
        if (sequences.Unique.Count < batch.Sequences.Count) _metrics?.Deduplicated.Add(batch.Sequences.Count - sequences.Unique.Count);

        var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
        try
        {
            for (var (first, count) = (0, 0); first < sequences.Unique.Count; first += count)
            {
                count = SequencesOfCall(batch, sequences.Unique, first);
                Score(batch, sequences.Unique, first, count, _workers[worker], predictions);
            }

            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
            {
                var source = sequences.Sources[sequence];
                if (source != sequence) Copy(predictions, source, sequence);
            }

            return predictions;
        }
        catch
        {
            predictions.Dispose();
            throw;
        }
    }

    public void Probe(int worker)
    {
        // Token 0 is in every vocabulary; a device that cannot score eight of them cannot score anything.
        const int length = 8;
        var paddedLength = _calls.Batch.PadTo(length);
        _workers[worker].Begin(_calls.PadSequences(1, paddedLength), paddedLength);
        _workers[worker].Sequence(0, length, out _, out _);
        Run(_workers[worker]);
        for (var task = 0; task < Tasks.Count; task++)
        {
            for (var output = 0; output < Tasks[task].Outputs.Count; output++)
            {
                if (IsFinite(_workers[worker], task, output, 0, length)) continue;
                throw new InferenceException(
                    $"The model {Identity.Name} on {Identity.Device} gives scores that are not finite for a known-good sequence: task {Tasks[task].Name}.");
            }
        }
    }

    public void Dispose()
    {
        DisposeWorkers();
        foreach (var session in _sessions) session.Dispose();
    }

    private void DisposeWorkers()
    {
        foreach (var worker in _workers) worker?.Dispose(); // null where making it failed
        if (Identity.Device != "cpu") _allocator.Dispose();
    }

    /// <summary>Runs every shape that will occur once, on all workers at a time, so that no event pays for it.</summary>
    private void WarmUp() => OnAllWorkers(worker =>
    {
        foreach (var (sequences, paddedLength) in _calls.WarmUpShapes(_manifest.MaxTokens)) Call(sequences, paddedLength, worker);
    });

    /// <summary>Sequences of so many tokens that all workers together score in a second.</summary>
    private double SequencesPerSecond(int paddedLength, TimeSpan time)
    {
        var started = Stopwatch.GetTimestamp();
        var (sequences, scored) = (_calls.SequencesAt(paddedLength), 0L);
        OnAllWorkers(worker =>
        {
            do
            {
                Call(sequences, paddedLength, worker);
                Interlocked.Add(ref scored, sequences);
            }
            while (Stopwatch.GetElapsedTime(started) < time);
        });
        return scored / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private void OnAllWorkers(Action<InferenceWorker> work)
    {
        try
        {
            Parallel.ForEach(_workers, new() { MaxDegreeOfParallelism = _workers.Length }, work);
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.InnerExceptions[0]); // as if one worker had been asked
        }
    }

    /// <summary>Sequences from <paramref name="first"/> on, longest first, that cost less beside each other than in calls of their own.</summary>
    private int SequencesOfCall(TokenBatch batch, List<int> sequences, int first)
    {
        var longest = batch.Sequences[sequences[first]].Length;
        var most = Math.Min(_calls.SequencesAt(_calls.Batch.PadTo(longest)), sequences.Count - first);
        var count = 1;
        while (count < most && longest - batch.Sequences[sequences[first + count]].Length <= _calls.MaxPadding) count++;
        return count;
    }

    private void Score(TokenBatch batch, List<int> sequences, int first, int count, InferenceWorker worker, Predictions predictions)
    {
        var paddedLength = _calls.Batch.PadTo(batch.Sequences[sequences[first]].Length);
        var padded = _calls.PadSequences(count, paddedLength);
        worker.Begin(padded, paddedLength);
        predictions.Computed += padded * paddedLength;
        predictions.Padding += padded * paddedLength;
        for (var i = 0; i < count; i++)
        {
            var sequence = batch.Sequences[sequences[first + i]];
            predictions.Padding -= sequence.Length;
            worker.Sequence(i, sequence.Length, out var ids, out var cases);
            sequence.Tokens.WriteSequence(sequence.Window, ids, cases);
        }

        Run(worker);
        for (var i = 0; i < count; i++)
        {
            var sequence = sequences[first + i];
            Take(worker, i, predictions, sequence, batch.Sequences[sequence].Length);
        }
    }

    private void Take(InferenceWorker worker, int callSequence, Predictions predictions, int sequence, int length)
    {
        for (var task = 0; task < Tasks.Count; task++)
        {
            var values = predictions.Of(task, sequence);
            for (var output = 0; output < Tasks[task].Outputs.Count; output++)
            {
                if (!IsFinite(worker, task, output, callSequence, length))
                    throw new InferenceException($"The model gave scores that are not finite: task {Tasks[task].Name}, sequence {sequence}.");
                worker.Output(task, output, callSequence)[..Tasks[task].Outputs[output].Width(length)].CopyTo(values.Floats(output));
            }
        }
    }

    private void Copy(Predictions predictions, int from, int to)
    {
        for (var task = 0; task < Tasks.Count; task++)
            predictions.Of(task, from).CopyTo(predictions.Of(task, to), predictions.PaddedLength);
    }

    /// <summary>False when an output of numbers has one that is not finite among those of a sequence of so many tokens.</summary>
    private bool IsFinite(InferenceWorker worker, int task, int output, int callSequence, int length)
    {
        var shape = Tasks[task].Outputs[output];
        return shape.Type != ElementType.Number || AreFinite(worker.Output(task, output, callSequence)[..shape.Width(length)]);
    }

    private void Call(int sequences, int paddedLength, InferenceWorker worker)
    {
        worker.Begin(sequences, paddedLength);
        for (var sequence = 0; sequence < sequences; sequence++) worker.Sequence(sequence, paddedLength, out _, out _);
        Run(worker);
    }

    private void Run(InferenceWorker worker)
    {
        try
        {
            worker.Run();
        }
        catch (OnnxRuntimeException exception)
        {
            throw Failed(Identity.Device, exception);
        }
    }

    private static InferenceException Failed(string device, Exception exception) =>
        new($"ONNX Runtime on {device}: {exception.Message}", exception, IsOutOfMemory(exception.Message));

    // ONNX Runtime has no error code for it: these are the words of its arenas, of CUDA and of cuBLAS.
    internal static bool IsOutOfMemory(string message) =>
        message.Contains("Failed to allocate memory", StringComparison.OrdinalIgnoreCase) ||
        message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) ||
        message.Contains("CUBLAS_STATUS_ALLOC_FAILED", StringComparison.Ordinal) ||
        message.Contains("bad allocation", StringComparison.Ordinal) ||
        message.Contains("std::bad_alloc", StringComparison.Ordinal);

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
        if (problems.Count > 0) throw PackageProblems.Of(manifest.Folder, problems);
    }
}
