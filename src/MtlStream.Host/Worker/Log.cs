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

    [LoggerMessage(9005, LogLevel.Error, "A bug ended {Work}; the stream goes on, and a restart brings it back: {Exception}")]
    public static partial void BackgroundFailed(this ILogger logger, string work, string exception);

    [LoggerMessage(9006, LogLevel.Warning, "Telemetry cannot be sent: {Reason}. Events do not wait for it; `mtlstream doctor` looks at the address. Said once an hour at most.")]
    public static partial void TelemetryLost(this ILogger logger, string reason);

    [LoggerMessage(9007, LogLevel.Warning, "No model serves: every text gets the same labels (Model:ConstantLabels).")]
    public static partial void LabelsAreConstant(this ILogger logger);

    [LoggerMessage(9008, LogLevel.Warning, "Answers of reviewers cannot be read, so the quality on the stream is not told: {Reason} Results are not affected.")]
    public static partial void AnswersNotRead(this ILogger logger, string reason);

    [LoggerMessage(9010, LogLevel.Information, "{PerSecond:F1} events/s: {Published} published, {Rejected} rejected{Reasons}, {Lag} waiting.")]
    public static partial void Beat(this ILogger logger, double perSecond, long published, long rejected, string reasons, long lag);

    [LoggerMessage(9011, LogLevel.Warning,
        "All {Rejected} events of the last minute were rejected ({Reasons}), {PerSecond:F1} a second; {Lag} wait. `mtlstream doctor` with the same settings looks at some and says what to set.")]
    public static partial void AllRejected(this ILogger logger, long rejected, string reasons, double perSecond, long lag);

    [LoggerMessage(9012, LogLevel.Information, "In all: {Published} events published, {Rejected} rejected{Reasons}, in {Time}.")]
    public static partial void Totals(this ILogger logger, long published, long rejected, string reasons, string time);

    [LoggerMessage(9013, LogLevel.Warning, "{Count} rejected as {Reason}, for example {Topic} [{Partition}] at offset {Offset}: {Message}")]
    public static partial void EventsRejected(this ILogger logger, int count, string reason, string topic, int partition, long offset, string message);
}
