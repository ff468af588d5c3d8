using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;

namespace MtlStream.Onnx;

/// <summary>Opens graphs on a device.</summary>
internal static class SessionFactory
{
    static SessionFactory() => OrtTelemetry.Disable();

    // What ONNX Runtime's CUDA provider begins the words of a library's error with.
    private static readonly string[] s_deviceFailures = ["CUDA failure", "CUBLAS failure", "CUDNN failure", "CUDNN_FE failure"];

    /// <summary>Opens the package's graph for a device.</summary>
    /// <param name="tasks">Heads of other tasks are left out.</param>
    /// <param name="threads">Threads of one call, on a CPU.</param>
    /// <exception cref="InvalidDataException">The graph is missing or cannot be read.</exception>
    /// <exception cref="DeviceUnavailableException">There is no such device here, its libraries are missing, or its memory is taken.</exception>
    public static InferenceSession Open(ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, string device, int threads = 1)
    {
        var path = manifest.GraphFor(device);
        using var options = Options();
        if (device == "cpu")
        {
            ForCpu(options, threads);
        }
        else
        {
            AppendGpu(options, device);
        }

        try
        {
            if (tasks.Count == manifest.Tasks.Count) return new InferenceSession(path, options);
            var outputs = tasks.SelectMany(t => t.Tensors).ToHashSet();
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", manifest.Folder);
            return new InferenceSession(GraphPruning.Keep(File.ReadAllBytes(path), outputs), options);
        }
        catch (OnnxRuntimeException exception) when (device != "cpu" && IsDeviceFailure(exception.Message))
        {
            throw Unavailable(device, exception.Message, exception);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidDataException)
        {
            throw new InvalidDataException($"{path}: ONNX Runtime cannot open it on {device}: {exception.Message}", exception);
        }
    }

    /// <summary>Opens a graph on a CPU as a package's is, with one thread a call.</summary>
    /// <param name="graph">A serialized ModelProto; weights outside of it are files of <paramref name="folder"/>.</param>
    public static InferenceSession OpenGraph(byte[] graph, string folder)
    {
        using var options = Options();
        ForCpu(options, threads: 1);
        options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
        return new(graph, options);
    }

    /// <summary>Opens a graph on a CPU with one thread a call; weights outside of it are files beside it.</summary>
    /// <exception cref="InvalidDataException">It is missing or cannot be read.</exception>
    public static InferenceSession OpenFile(string path)
    {
        using var options = Options();
        ForCpu(options, threads: 1);
        try
        {
            return new(path, options);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InvalidDataException($"{path}: ONNX Runtime cannot open it: {exception.Message}", exception);
        }
    }

    private static void ForCpu(SessionOptions options, int threads)
    {
        // With one thread it is the one that calls. Inference workers call side by side, which beats spreading one call over the cores.
        options.IntraOpNumThreads = threads;
        options.InterOpNumThreads = 1;
        options.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
        options.EnableMemoryPattern = false; // planned anew for every shape, of which a CPU sees hundreds
        KeepNormsApart(options);
    }

    /// <summary>True when it is the device that failed, or has no memory left, and not the graph.</summary>
    internal static bool IsDeviceFailure(string message) =>
        s_deviceFailures.Any(failure => message.Contains(failure, StringComparison.Ordinal)) || OnnxMultitaskModel.IsOutOfMemory(message);

    /// <summary>
    /// For packages whose graph turns int8 weights into fp16 by DequantizeLinear, which ONNX Runtime otherwise keeps for integer kernels
    /// and runs in every call. The Cast and Mul of <c>training/mtltrain/graphs.py</c> are folded at load in any case.
    /// </summary>
    internal static void DequantizeAtLoad(SessionOptions options) => options.AddSessionConfigEntry("session.disable_quant_qdq", "1");

    /// <summary>
    /// Keeps ONNX Runtime from fusing Add and LayerNormalization. On a CPU its LayerNormalization is vectorised, while
    /// SkipLayerNormalization, which it would put in their place, is a scalar loop (1.31).
    /// </summary>
    internal static void KeepNormsApart(SessionOptions options) =>
        options.AddSessionConfigEntry("optimization.disable_specified_optimizers", "SkipLayerNormFusion;BiasSkipLayerNormFusion");

    private static SessionOptions Options() => new()
    {
        GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
    };

    /// <summary>True where the driver of an NVIDIA GPU is installed; without it nobody here expects a GPU to serve.</summary>
    public static bool HasGpuDriver
    {
        get
        {
            if (!NativeLibrary.TryLoad(Driver, out var loaded)) return false;
            NativeLibrary.Free(loaded);
            return true;
        }
    }

    private static string Driver => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    private static void AppendGpu(SessionOptions options, string device)
    {
        if (!HasGpuDriver) throw Unavailable(device, $"found no NVIDIA driver ({Driver})", null);
        DequantizeAtLoad(options);
        try
        {
            using var cuda = new OrtCUDAProviderOptions();
            cuda.UpdateOptions(new()
            {
                ["device_id"] = "0",
                ["arena_extend_strategy"] = "kSameAsRequested",
                ["cudnn_conv_algo_search"] = "HEURISTIC",
                ["do_copy_in_default_stream"] = "1",
                ["use_tf32"] = "1",
            });
            options.AppendExecutionProvider_CUDA(cuda);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or DllNotFoundException or EntryPointNotFoundException)
        {
            throw Unavailable(device, exception.Message, exception);
        }
    }

    private static DeviceUnavailableException Unavailable(string device, string reason, Exception? inner)
    {
        // ONNX Runtime says where in its source it failed before it says why.
        const string marker = " : FAIL : ";
        var at = reason.LastIndexOf(marker, StringComparison.Ordinal);
        return new(
            $"{device} cannot serve: {(at < 0 ? reason : reason[(at + marker.Length)..]).Trim().TrimEnd('.')}. Expected " +
            (OnnxMultitaskModel.IsOutOfMemory(reason)
                ? "memory that is free on the GPU; `nvidia-smi` shows who has it."
                : "an NVIDIA GPU with its driver, the CUDA 13 and cuDNN 9 libraries on LD_LIBRARY_PATH, and a program built with MTLSTREAM_CUDA=1."),
            inner);
    }
}

/// <summary>The device asked for is not here. With <c>auto</c> a reason to fall back, otherwise to fail at start.</summary>
public sealed class DeviceUnavailableException(string message, Exception? inner) : Exception(message, inner);
