using Microsoft.Extensions.Logging;

namespace MtlStream.Onnx;

/// <summary>Every line the model adapter logs. Ids 3000-3999. In normal operation nothing is logged per batch.</summary>
internal static partial class Log
{
    [LoggerMessage(
        3000, LogLevel.Information,
        "Model {Name} {Version} serves {Tasks} on {Device} with {Workers} worker(s) of {Threads} thread(s), warmed up in {Seconds:F2} s.")]
    public static partial void ModelReady(this ILogger logger, string name, string version, string tasks, string device, int workers, int threads, double seconds);

    [LoggerMessage(3001, LogLevel.Information, "Tried {Workers} worker(s) of {Threads} thread(s): {SequencesPerSecond:F0} sequences of {Length} tokens a second.")]
    public static partial void WorkersTried(this ILogger logger, int workers, int threads, int length, double sequencesPerSecond);

    [LoggerMessage(3002, LogLevel.Information, "No GPU here: the CPU serves the model.")]
    public static partial void NoGpu(this ILogger logger);

    [LoggerMessage(
        3010, LogLevel.Warning,
        "No GPU serves the model, the CPU does instead: {Reason} Set Model:Device to cpu to ask for it, or to cuda to fail instead.")]
    public static partial void FellBackToCpu(this ILogger logger, string reason);
}
