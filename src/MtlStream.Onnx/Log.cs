using Microsoft.Extensions.Logging;

namespace MtlStream.Onnx;

/// <summary>Every line the model adapter logs. Ids 3000-3999. In normal operation nothing is logged per batch.</summary>
internal static partial class Log
{
    [LoggerMessage(
        3000, LogLevel.Information,
        "Model {Name} {Version} serves {Tasks} on {Device} with {Lanes} lane(s) of {Threads} thread(s), warmed up in {Seconds:F2} s.")]
    public static partial void ModelReady(this ILogger logger, string name, string version, string tasks, string device, int lanes, int threads, double seconds);

    [LoggerMessage(3001, LogLevel.Information, "Tried {Lanes} lane(s) of {Threads} thread(s): {RowsPerSecond:F0} rows of {Columns} tokens a second.")]
    public static partial void LanesTried(this ILogger logger, int lanes, int threads, int columns, double rowsPerSecond);

    [LoggerMessage(
        3010, LogLevel.Warning,
        "No GPU serves the model, the CPU does instead: {Reason} Set Model:Device to cpu to ask for it, or to cuda to fail instead.")]
    public static partial void FellBackToCpu(this ILogger logger, string reason);
}
