using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Inference;

namespace MtlStream.Onnx;

/// <summary>Opens graphs on a device.</summary>
internal static class SessionFactory
{
    static SessionFactory() => OrtTelemetry.Disable();

    /// <summary>Opens the package's graph for a device.</summary>
    /// <param name="tasks">Heads of other tasks are left out.</param>
    /// <param name="threads">Threads of one call, on a CPU.</param>
    /// <exception cref="InvalidDataException">The graph is missing or cannot be read.</exception>
    /// <exception cref="DeviceUnavailableException">There is no such device here, or its libraries are missing.</exception>
    public static InferenceSession Open(ModelManifest manifest, IReadOnlyList<ManifestTask> tasks, string device, int threads = 1)
    {
        var graph = device == "cpu" ? "cpu" : "cuda";
        if (!manifest.Graphs.TryGetValue(graph, out var path))
        {
            throw new InvalidDataException(
                $"{Path.Combine(manifest.Folder, ModelManifest.FileName)}: graphs: found {string.Join(", ", manifest.Graphs.Keys)}, " +
                $"expected {graph} for device {device}.");
        }

        using var options = Options();
        if (device == "cpu")
        {
            // With one thread it is the one that calls. Lanes call side by side, which beats spreading one call over the cores.
            options.IntraOpNumThreads = threads;
            options.InterOpNumThreads = 1;
            options.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
            options.EnableMemoryPattern = false; // planned anew for every shape, of which a CPU sees hundreds
        }
        else
        {
            AppendGpu(options, manifest, device);
        }

        try
        {
            if (tasks.Count == manifest.Tasks.Count) return new InferenceSession(path, options);
            var outputs = tasks.SelectMany(t => new[] { t.Outputs.Scores, t.Outputs.Tags }).OfType<string>().ToHashSet();
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", manifest.Folder);
            return new InferenceSession(GraphPruning.Keep(File.ReadAllBytes(path), outputs), options);
        }
        catch (OnnxRuntimeException exception) when (device != "cpu" && exception.Message.Contains("CUDA failure", StringComparison.Ordinal))
        {
            throw Unavailable(device, exception.Message, exception);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidDataException)
        {
            throw new InvalidDataException($"{path}: ONNX Runtime cannot open it on {device}: {exception.Message}", exception);
        }
    }

    /// <summary>Int8 weights become fp16 once, at load. Without this, DequantizeLinear is kept for integer kernels and runs in every call.</summary>
    internal static void DequantizeAtLoad(SessionOptions options) => options.AddSessionConfigEntry("session.disable_quant_qdq", "1");

    private static SessionOptions Options() => new()
    {
        GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
    };

    private static void AppendGpu(SessionOptions options, ModelManifest manifest, string device)
    {
        var driver = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(driver, out var loaded)) throw Unavailable(device, $"found no NVIDIA driver ({driver})", null);
        NativeLibrary.Free(loaded);
        DequantizeAtLoad(options);
        try
        {
            if (device == "tensorrt")
            {
                using var tensorRt = new OrtTensorRTProviderOptions();
                tensorRt.UpdateOptions(TensorRtOptions(manifest));
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
            $"{device} cannot serve: {(at < 0 ? reason : reason[(at + marker.Length)..]).Trim().TrimEnd('.')}. Expected an NVIDIA GPU with its driver, " +
            "the CUDA 13 and cuDNN 9 libraries on LD_LIBRARY_PATH, and libonnxruntime_providers_cuda.so beside the program.", inner);
    }

    // One profile for each width of the grid, rows from 1 to what the budget allows: no engine is built while serving.
    private static Dictionary<string, string> TensorRtOptions(ModelManifest manifest)
    {
        var cache = Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "mtlstream", "tensorrt", $"{manifest.Name}-{manifest.Version}");
        Directory.CreateDirectory(cache);
        var shape = CallShape.Gpu(manifest.MaxTokens);
        return new()
        {
            ["device_id"] = "0",
            ["trt_fp16_enable"] = "1",
            ["trt_engine_cache_enable"] = "1",
            ["trt_engine_cache_path"] = cache,
            ["trt_timing_cache_enable"] = "1",
            ["trt_timing_cache_path"] = cache,
            ["trt_profile_min_shapes"] = Profiles(c => (1, c)),
            ["trt_profile_opt_shapes"] = Profiles(c => (shape.RowsAt(c), c)),
            ["trt_profile_max_shapes"] = Profiles(c => (shape.RowsAt(c), c)),
        };

        string Profiles(Func<int, (int Rows, int Columns)> of)
        {
            var inputs = manifest.Inputs.Types is null
                ? new[] { manifest.Inputs.Ids, manifest.Inputs.Mask }
                : [manifest.Inputs.Ids, manifest.Inputs.Mask, manifest.Inputs.Types];
            return string.Join(",", shape.Batch.ColumnGrid.SelectMany(c => inputs.Select(name =>
                string.Create(CultureInfo.InvariantCulture, $"{name}:{of(c).Rows}x{of(c).Columns}"))));
        }
    }
}

/// <summary>The device asked for is not here. With <c>auto</c> a reason to fall back, otherwise to fail at start.</summary>
public sealed class DeviceUnavailableException(string message, Exception? inner) : Exception(message, inner);
