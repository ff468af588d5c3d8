using System.Collections.Concurrent;
using System.Globalization;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace MtlStream.Kafka;

/// <summary>Looks every few seconds whether the brokers answer and the topics exist, and whether an idle worker is in its group; creates the output topics when told to.</summary>
internal sealed class TopicWatch(KafkaConfiguration configuration, KafkaStatus status, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan s_whenFound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_whenNot = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_limitsAgain = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_repeatLog = TimeSpan.FromSeconds(30);

    private readonly KafkaOptions _options = configuration.Kafka;
    private readonly ConcurrentDictionary<string, int> _partitions = new();
    private readonly ConcurrentDictionary<string, int> _maxMessageBytes = new();
    private readonly CancellationTokenSource _stopping = new();
    private string _lastTrouble = "";
    private long _lastTroubleLogged;
    private long _askedForLimits;
    private Task? _watching;
    private volatile bool _writable;

    /// <summary>True once the output and the dead-letter topic were seen.</summary>
    public bool OutputsFound => _writable;

    /// <summary>Largest record batch that every output topic takes, in bytes; null when the broker does not say.</summary>
    public int? SmallestMaxMessageBytes => _maxMessageBytes.IsEmpty ? null : _maxMessageBytes.Values.Min();

    /// <summary>Largest record batch that an output topic takes, in bytes; null when the broker does not say.</summary>
    public int? MaxMessageBytesOf(string topic) => _maxMessageBytes.TryGetValue(topic, out var bytes) ? bytes : null;

    /// <summary>Number of partitions of an output topic as last seen, 0 before.</summary>
    public int PartitionsOf(string topic) => _partitions.GetValueOrDefault(topic);

    /// <exception cref="InvalidOperationException">The client refuses its settings.</exception>
    public void Start()
    {
        var admin = new AdminClientBuilder(configuration.Admin)
            .SetErrorHandler((_, _) => { }) // the next look says it
            .SetLogHandler((_, line) => logger.ClientLine("admin", line.Facility, line.Message))
            .Build();
        _watching = Task.Run(() => WatchAsync(admin, _stopping.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_watching is not null) await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task WatchAsync(IAdminClient admin, CancellationToken stopping)
    {
        using var disposed = admin;
        while (!stopping.IsCancellationRequested)
        {
            var found = await LookAsync(admin);
            await Task.Delay(found ? s_whenFound : s_whenNot, time, stopping);
        }
    }

    private async Task<bool> LookAsync(IAdminClient admin)
    {
        try
        {
            var missing = await MissingAsync(admin);
            if (_options.CreateTopics && missing.Any(_options.WrittenTopics.Contains) && !_options.InputTopics.All(missing.Contains))
            {
                await CreateAsync(admin, missing);
                missing = await MissingAsync(admin);
            }

            status.SetConnected();
            status.SetMissingTopics(missing);
            if (missing.Count > 0) Trouble(string.Join(", ", missing), logger.TopicsMissing);
            if (!_options.WrittenTopics.Any(missing.Contains)) await FoundAsync(admin);
            var joining = await IsJoiningAsync(admin);
            if (missing.Count == 0 && _lastTrouble.Length > 0)
            {
                _lastTrouble = "";
                logger.TopicsFound();
            }

            return missing.Count == 0 && !joining;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            var reason = (exception as KafkaException)?.Error.Reason ?? exception.Message; // whatever it is, the next look comes
            status.SetDisconnected($"brokers {_options.BootstrapServers} cannot be reached: {reason}");
            Trouble(reason, r => logger.BrokersUnreachable(_options.BootstrapServers, r));
            return false;
        }
    }

    private async Task<IReadOnlyList<string>> MissingAsync(IAdminClient admin)
    {
        var names = _options.InputTopics.Concat(_options.WrittenTopics).ToList();
        List<TopicDescription> topics;
        try
        {
            topics = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames(names), new() { RequestTimeout = s_request })).TopicDescriptions;
        }
        catch (DescribeTopicsException exception)
        {
            topics = exception.Results.TopicDescriptions; // some were found, some not
        }

        foreach (var topic in topics.Where(t => !t.Error.IsError)) _partitions[topic.Name] = topic.Partitions.Count;
        return [.. names.Where(n => topics.All(t => t.Name != n || t.Error.IsError))];
    }

    // They get as many partitions as the largest input topic that is there; without one they would get a single partition for good.
    private async Task CreateAsync(IAdminClient admin, IReadOnlyList<string> missing)
    {
        var partitions = _options.InputTopics.Max(PartitionsOf);
        foreach (var topic in missing.Where(_options.WrittenTopics.Contains))
        {
            try
            {
                await admin.CreateTopicsAsync(
                    [new TopicSpecification { Name = topic, NumPartitions = partitions, ReplicationFactor = -1 }], new() { RequestTimeout = s_request });
                logger.TopicCreated(topic, partitions);
            }
            catch (CreateTopicsException exception) when (exception.Results[0].Error.Code == ErrorCode.TopicAlreadyExists)
            {
                // another worker was faster
            }
            catch (CreateTopicsException exception)
            {
                logger.TopicNotCreated(topic, exception.Results[0].Error.Reason);
            }
        }
    }

    // Limits are asked for again and again: someone may have raised one.
    private async Task FoundAsync(IAdminClient admin)
    {
        if (_writable && time.GetElapsedTime(_askedForLimits) < s_limitsAgain) return;
        _askedForLimits = time.GetTimestamp();
        await AskForLimitsAsync(admin);
        _writable = true;
    }

    // A batch above a topic's limit is refused as a whole, innocent messages included: batches must stay below it.
    private async Task AskForLimitsAsync(IAdminClient admin)
    {
        try
        {
            var configs = await admin.DescribeConfigsAsync(
                _options.WrittenTopics.Select(t => new ConfigResource { Name = t, Type = ResourceType.Topic }),
                new() { RequestTimeout = s_request });
            foreach (var config in configs)
            {
                if (config.Entries.TryGetValue("max.message.bytes", out var entry) && int.TryParse(entry.Value, CultureInfo.InvariantCulture, out var bytes))
                    _maxMessageBytes[config.ConfigResource.Name] = bytes; // a broker need not tell
            }
        }
        catch (KafkaException)
        {
            // no right to see it
        }
    }

    // With group.protocol=consumer the client does not tell of an assignment that is empty from the beginning: the group has to be asked.
    private async Task<bool> IsJoiningAsync(IAdminClient admin)
    {
        if (configuration.SessionTimeout is not null || status.Member || status.MemberId is not { } id) return false;
        try
        {
            var described = await admin.DescribeConsumerGroupsAsync([_options.GroupId], new() { RequestTimeout = s_request });
            if (described.ConsumerGroupDescriptions is [{ State: ConsumerGroupState.Stable } group] && group.Members.Any(m => m.ConsumerId == id)) status.SetIdle();
        }
        catch (KafkaException)
        {
            // the next look may see it
        }

        return !status.Member;
    }

    private void Trouble(string trouble, Action<string> log)
    {
        var now = time.GetTimestamp();
        if (trouble == _lastTrouble && time.GetElapsedTime(_lastTroubleLogged, now) < s_repeatLog) return;
        (_lastTrouble, _lastTroubleLogged) = (trouble, now);
        log(trouble);
    }
}
