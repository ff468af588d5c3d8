using Microsoft.Extensions.Logging;

namespace MtlStream.Diagnostics;

/// <summary>Every line the pipeline logs. Ids 1000-1999. In normal operation nothing is logged per event.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information,
        "Pipeline started: model {Model} {Version} on {Device}, {Workers} inference workers, {DecodeWorkers} decode workers.")]
    public static partial void PipelineStarted(this ILogger logger, string model, string version, string device, int workers, int decodeWorkers);

    [LoggerMessage(1001, LogLevel.Information, "Pipeline drained and stopped.")]
    public static partial void PipelineStopped(this ILogger logger);

    [LoggerMessage(1002, LogLevel.Information, "{Count} messages or texts could not be scored in time. They are not committed, and delivered again.")]
    public static partial void GivenBack(this ILogger logger, int count);

    [LoggerMessage(1010, LogLevel.Warning, "The model failed on a batch of {Sequences} sequences; splitting it.")]
    public static partial void BatchSplit(this ILogger logger, int sequences, Exception exception);

    [LoggerMessage(1011, LogLevel.Warning, "The device ran out of memory; batches hold at most {PaddedTokens} padded tokens until it had room for a while.")]
    public static partial void BudgetHalved(this ILogger logger, int paddedTokens);

    [LoggerMessage(1012, LogLevel.Warning, "A record for {Destination} was refused for good and becomes a dead letter: {Reason}")]
    public static partial void RecordRefused(this ILogger logger, string destination, string reason);

    [LoggerMessage(1013, LogLevel.Warning, "A copy for the review topic could not be written; the result itself is not affected: {Reason}")]
    public static partial void ReviewCopyLost(this ILogger logger, string reason);

    [LoggerMessage(1014, LogLevel.Warning, "Events of {Topic} wait, others go on: {Reason}.")]
    public static partial void EventsWait(this ILogger logger, string topic, string reason);

    [LoggerMessage(1015, LogLevel.Error,
        "The event at {Topic}/{Partition}/{Offset} tripped a bug in stage {Stage} and becomes a dead letter: {Exception}")]
    public static partial void EventFailed(this ILogger logger, string stage, string topic, int partition, long offset, string exception);

    [LoggerMessage(1016, LogLevel.Error,
        "The event at {Topic}/{Partition}/{Offset} has its result, but tripped a bug in watching the model: {Exception}")]
    public static partial void EventUnwatched(this ILogger logger, string topic, int partition, long offset, string exception);

    [LoggerMessage(1017, LogLevel.Error, "A bug was tripped by a batch of {Sequences} sequences; splitting it: {Exception}")]
    public static partial void BatchTrippedBug(this ILogger logger, int sequences, string exception);

    [LoggerMessage(1020, LogLevel.Information, "Model {Model}: version {Before} handed over to {Version}, loaded and warmed up in {Seconds:F2} s. Changes of tasks: {Changes}.")]
    public static partial void ModelSwapped(this ILogger logger, string model, string before, string version, double seconds, string changes);

    [LoggerMessage(1021, LogLevel.Warning, "The model package in {Folder} is refused, version {Serving} goes on serving: {Reason}")]
    public static partial void ModelRefused(this ILogger logger, string folder, string serving, string reason);

    [LoggerMessage(1023, LogLevel.Information, "Version {Candidate} is tried on a share of {Share} of the batches beside version {Serving}.")]
    public static partial void CanaryStarted(this ILogger logger, string candidate, string serving, double share);

    [LoggerMessage(1024, LogLevel.Warning, "Version {Candidate} is rolled back after {Events} events, version {Serving} scores everything again: {Reason}")]
    public static partial void CanaryRolledBack(this ILogger logger, string candidate, string serving, long events, string reason);

    [LoggerMessage(1025, LogLevel.Information, "Version {Candidate} has passed its gates on {Events} events; it goes on scoring its share.")]
    public static partial void CanaryPassed(this ILogger logger, string candidate, long events);

    [LoggerMessage(1026, LogLevel.Warning, "The candidate in {Folder} is not tried, version {Serving} goes on serving: {Reason}")]
    public static partial void CanaryRefused(this ILogger logger, string folder, string serving, string reason);

    [LoggerMessage(1027, LogLevel.Information, "Version {Candidate} has passed its gates on {Events} events and scores everything from now on.")]
    public static partial void CanaryPromoted(this ILogger logger, string candidate, long events);

    [LoggerMessage(1022, LogLevel.Warning, "The shadow model {Version} failed on an event; further failures are only counted: {Exception}")]
    public static partial void ShadowFailed(this ILogger logger, string version, string exception);
}
