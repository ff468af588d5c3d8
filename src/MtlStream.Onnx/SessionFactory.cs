using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
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
    /// <param name="calls">The shapes that calls will have, for which TensorRT builds its engine.</param>
    /// <param name="threads">Threads of one call, on a CPU.</param>
    /// <exception cref="InvalidDataException">The graph is missing or cannot be read.</exception>
    /// <exception cref="DeviceUnavailableException">There is no such device here, its libraries are missing, or its memory is taken.</exception>
    public static InferenceSession Open(ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, string device, CallShape calls, int threads = 1)
    {
        var path = manifest.GraphFor(device);
        using var options = Options();
        if (device == "cpu")
        {
            ForCpu(options, threads);
        }
        else
        {
            AppendGpu(options, manifest, tasks, device, calls);
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

    private static void AppendGpu(
        SessionOptions options, ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, string device, CallShape calls)
    {
        if (!HasGpuDriver) throw Unavailable(device, $"found no NVIDIA driver ({Driver})", null);
        DequantizeAtLoad(options);
        try
        {
            if (device == "tensorrt")
            {
                using var tensorRt = new OrtTensorRTProviderOptions();
                var settings = TensorRtOptions(manifest, tasks, calls);
                CreateEngineFolder(settings["trt_engine_cache_path"]);
                tensorRt.UpdateOptions(settings);
                options.AppendExecutionProvider_Tensorrt(tensorRt);
            }

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

    /// <summary>
    /// One profile over the whole grid, so that one engine takes every call and none is built while serving. Not one profile for each width: the
    /// provider reads several but runs all calls with the first (https://github.com/microsoft/onnxruntime/issues/24805).
    /// </summary>
    internal static Dictionary<string, string> TensorRtOptions(ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, CallShape calls)
    {
        var (narrowest, widest, usual) = (calls.Batch.LengthGrid[0], calls.Batch.LengthGrid[^1], calls.Batch.PadTo(Math.Min(32, manifest.MaxTokens)));
        var profile = new Dictionary<string, string>
        {
            ["trt_profile_min_shapes"] = Shapes(1, narrowest),
            ["trt_profile_opt_shapes"] = Shapes(calls.SequencesAt(usual), usual),
            ["trt_profile_max_shapes"] = Shapes(calls.SequencesAt(narrowest), widest),
        };
        var cache = EngineFolder(manifest, [.. tasks.Select(t => t.Task.Name), .. profile.Values]);
        return new(profile)
        {
            ["device_id"] = "0",
            ["trt_fp16_enable"] = "1",
            ["trt_engine_cache_enable"] = "1",
            ["trt_engine_cache_path"] = cache,
            ["trt_timing_cache_enable"] = "1",
            ["trt_timing_cache_path"] = cache,
        };

        string Shapes(int rows, int columns) => string.Join(',', manifest.Inputs.Names
            .Select(name => string.Create(CultureInfo.InvariantCulture, $"{name}:{rows}x{columns}")));
    }

    /// <summary>A folder for engines of just these files and <paramref name="parts"/>: the provider knows them again by names alone, never by weights.</summary>
    private static string EngineFolder(ModelManifest manifest, IEnumerable<string> parts)
    {
        var files = manifest.WithEveryChecksum().Checksums.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key} {c.Value}");
        var built = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', files.Concat(parts)))))[..16];
        return Path.Combine(
            // As it is named, there or not: unverified it is never empty, which would be the working directory.
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "mtlstream", "tensorrt", $"{manifest.Name}-{manifest.Version}-{built}");
    }

    /// <exception cref="DeviceUnavailableException">It cannot be made.</exception>
    internal static void CreateEngineFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DeviceUnavailableException(
                $"tensorrt cannot serve: no folder can be made for its engines: {exception.Message.TrimEnd('.')}. Expected a HOME or XDG_DATA_HOME that can be written to.",
                exception);
        }
    }
}

/// <summary>The device asked for is not here. With <c>auto</c> a reason to fall back, otherwise to fail at start.</summary>
public sealed class DeviceUnavailableException(string message, Exception? inner) : Exception(message, inner);
