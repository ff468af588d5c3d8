namespace MtlStream.Host.Worker;

/// <summary>Every line the worker's process logs. Ids 9000-9999.</summary>
internal static partial class Log
{
    [LoggerMessage(9000, LogLevel.Critical, "The pipeline failed; the process ends with exit code 1 and expects to be restarted.")]
    public static partial void PipelineFailed(this ILogger logger, Exception exception);

    [LoggerMessage(9001, LogLevel.Information, "Health endpoints at {Address}health/startup, /ready and /live.")]
    public static partial void HealthListening(this ILogger logger, Uri address);

    [LoggerMessage(9002, LogLevel.Information, "Stop requested; finishing what has been received.")]
    public static partial void Stopping(this ILogger logger);

    [LoggerMessage(9003, LogLevel.Warning,
        "{Settings} came as an argument, which every user of this machine can read; give it in the environment (MTLSTREAM__Kafka__Client__...) or in a file.")]
    public static partial void SecretExposed(this ILogger logger, string settings);

    [LoggerMessage(9004, LogLevel.Warning, "{Warning}")]
    public static partial void SettingsWarning(this ILogger logger, string warning);
}
