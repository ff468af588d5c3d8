using Microsoft.Extensions.Logging;

namespace MtlStream.Kafka;

/// <summary>Every line about Kafka. Ids 2000-2999. In normal operation: start, stop and rebalances.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "Reading {Topics} of {BootstrapServers} as group {Group}, {Guarantee}.")]
    public static partial void SourceStarted(this ILogger logger, string topics, string bootstrapServers, string group, string guarantee);

    [LoggerMessage(2001, LogLevel.Information, "Left group {Group}.")]
    public static partial void SourceStopped(this ILogger logger, string group);

    [LoggerMessage(2002, LogLevel.Information, "Assigned: {Partitions}.")]
    public static partial void PartitionsAssigned(this ILogger logger, string partitions);

    [LoggerMessage(2003, LogLevel.Information, "Revoked: {Partitions}.")]
    public static partial void PartitionsRevoked(this ILogger logger, string partitions);

    [LoggerMessage(2004, LogLevel.Warning, "Lost: {Partitions}. What was in flight is given up; the new owner reads it again.")]
    public static partial void PartitionsLost(this ILogger logger, string partitions);

    [LoggerMessage(2005, LogLevel.Information, "Created topic {Topic} with {Partitions} partitions.")]
    public static partial void TopicCreated(this ILogger logger, string topic, int partitions);

    [LoggerMessage(2006, LogLevel.Information, "All topics found.")]
    public static partial void TopicsFound(this ILogger logger);

    [LoggerMessage(2007, LogLevel.Information, "Brokers reached.")]
    public static partial void BrokersReached(this ILogger logger);

    [LoggerMessage(2008, LogLevel.Information, "Every partition has a leader again.")]
    public static partial void LeadersFound(this ILogger logger);

    [LoggerMessage(2010, LogLevel.Warning, "Missing topics: {Topics}. Trying again until they exist; not ready.")]
    public static partial void TopicsMissing(this ILogger logger, string topics);

    [LoggerMessage(2011, LogLevel.Warning, "Brokers {BootstrapServers} cannot be reached: {Reason}. {Remedy} Trying again until they can; not ready.")]
    public static partial void BrokersUnreachable(this ILogger logger, string bootstrapServers, string reason, string remedy);

    [LoggerMessage(2012, LogLevel.Warning, "Topic {Topic} could not be created: {Reason}.")]
    public static partial void TopicNotCreated(this ILogger logger, string topic, string reason);

    [LoggerMessage(2013, LogLevel.Warning, "{Client}: {Reason}.")]
    public static partial void ClientError(this ILogger logger, string client, string reason);

    [LoggerMessage(2014, LogLevel.Warning, "Offsets could not be committed: {Reason}. Trying again with the next ones.")]
    public static partial void CommitFailed(this ILogger logger, string reason);

    [LoggerMessage(2015, LogLevel.Warning, "Transaction aborted: {Reason}. Reading again from the committed offsets.")]
    public static partial void TransactionAborted(this ILogger logger, string reason);

    [LoggerMessage(2016, LogLevel.Warning, "Producer made anew: {Reason}.")]
    public static partial void ProducerRebuilt(this ILogger logger, string reason);

    [LoggerMessage(2017, LogLevel.Warning, "Reading {Partition} again from offset {Offset}: {Reason}.")]
    public static partial void Rewound(this ILogger logger, string partition, long offset, string reason);

    [LoggerMessage(2018, LogLevel.Warning, "{Count} reports of revoked partitions did not come within {Seconds} s; those events may be published twice.")]
    public static partial void ReportsLate(this ILogger logger, int count, double seconds);

    [LoggerMessage(2019, LogLevel.Warning, "Transactions not started yet: {Reason}. Trying again.")]
    public static partial void TransactionsNotReady(this ILogger logger, string reason);

    [LoggerMessage(2020, LogLevel.Debug, "Paused {Partitions} partitions with {Events} events and {Bytes} bytes in flight.")]
    public static partial void Paused(this ILogger logger, int partitions, long events, long bytes);

    [LoggerMessage(2021, LogLevel.Debug, "Resumed {Partitions} partitions.")]
    public static partial void Resumed(this ILogger logger, int partitions);

    [LoggerMessage(2022, LogLevel.Warning, "The consumer did not leave its group within {Seconds} s.")]
    public static partial void CloseSlow(this ILogger logger, double seconds);

    [LoggerMessage(2023, LogLevel.Warning, "Consumer made anew: {Reason}.")]
    public static partial void ConsumerRebuilt(this ILogger logger, string reason);

    [LoggerMessage(2024, LogLevel.Warning, "Topic {Topic} refused a batch: {Reason}. Its events are read again and sent one by one for {Seconds} s, to reject none that is not to blame.")]
    public static partial void BatchRefused(this ILogger logger, string topic, string reason, double seconds);

    [LoggerMessage(2025, LogLevel.Warning,
        "Partitions without a leader: {Partitions}. They are neither read nor written until a broker leads them; not ready.")]
    public static partial void PartitionsWithoutLeader(this ILogger logger, string partitions);

    [LoggerMessage(2026, LogLevel.Warning, "Copies for review are lost, topic {Topic}: {Reason}. Results are not affected.")]
    public static partial void ReviewCopyLost(this ILogger logger, string topic, string reason);

    [LoggerMessage(2027, LogLevel.Warning,
        "Input topics {Topics} were deleted and made again. They are read from their start; {Count} events in flight are given up.")]
    public static partial void TopicsMadeAgain(this ILogger logger, string topics, long count);

    [LoggerMessage(2028, LogLevel.Warning,
        "{Partition}: {Count} events, offsets {First} to {Last}, were deleted before they were read. Retention is shorter than the lag, or they were deleted by hand.")]
    public static partial void EventsGone(this ILogger logger, string partition, long count, long first, long last);

    [LoggerMessage(2029, LogLevel.Information, "{Partition} was added after the group's first start: read from its beginning, although auto.offset.reset says latest.")]
    public static partial void PartitionAdded(this ILogger logger, string partition);

    [LoggerMessage(2031, LogLevel.Information, "The brokers do not answer: group {Group} is left without a word. Everything is committed.")]
    public static partial void LeftUnsaid(this ILogger logger, string group);

    [LoggerMessage(2032, LogLevel.Information,
        "Joining group {Group} since {Seconds:0} s; other members: {Others}, state: {State}. One that ended without leaving is waited for until its session is over, {Session}.")]
    public static partial void Joining(this ILogger logger, string group, double seconds, int others, string state, string session);

    [LoggerMessage(2030, LogLevel.Critical, "Kafka cannot go on: {Reason}")]
    public static partial void Failed(this ILogger logger, string reason);

    [LoggerMessage(2040, LogLevel.Debug, "librdkafka {Client} {Facility}: {Message}")]
    public static partial void ClientLine(this ILogger logger, string client, string facility, string message);
}
