using System.Globalization;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using MtlStream.Kafka.Diagnosis;

namespace MtlStream.Kafka;

/// <summary>A broker as the cluster tells clients to find it.</summary>
internal sealed record BrokerAddress(int Id, string Host, int Port);

/// <param name="Leader">Id of the broker that leads it; -1 for none.</param>
/// <param name="Replicas">Ids of the brokers that hold it.</param>
/// <param name="InSync">How many of them have all of it.</param>
internal sealed record PartitionState(int Id, int Leader, IReadOnlyList<int> Replicas, int InSync);

/// <summary>A topic that exists and may be seen.</summary>
internal sealed record TopicState(string Name, IReadOnlyList<PartitionState> Partitions);

/// <summary>What the brokers say of some topics.</summary>
/// <param name="Topics">Those that exist and may be seen.</param>
/// <param name="Unseen">The others, and why.</param>
internal sealed record ClusterState(
    IReadOnlyList<BrokerAddress> Brokers, IReadOnlyDictionary<string, TopicState> Topics, IReadOnlyDictionary<string, ErrorCode> Unseen)
{
    /// <summary>Every broker that holds one of the topics is there.</summary>
    public bool AllBrokersUp
    {
        get
        {
            var up = Brokers.Select(b => b.Id).ToHashSet();
            return Topics.Values.SelectMany(t => t.Partitions).SelectMany(p => p.Replicas).All(up.Contains);
        }
    }

    /// <summary>Partitions that no broker leads, as <c>topic [partition]</c>.</summary>
    public IEnumerable<string> Leaderless =>
        from topic in Topics.Values
        from partition in topic.Partitions
        where partition.Leader < 0
        select $"{topic.Name} [{partition.Id}]";
}

/// <summary>What only some brokers tell of a topic.</summary>
/// <param name="Id">Another one for a topic that was deleted and made again.</param>
/// <param name="Rights">What this client may do; null when the broker does not tell.</param>
internal sealed record TopicDetails(string Id, IReadOnlyList<AclOperation>? Rights)
{
    /// <summary>False only when the broker tells the rights, and this one is missing.</summary>
    public bool May(AclOperation operation) =>
        Rights is not { Count: > 0 } || Rights.Contains(operation) || Rights.Contains(AclOperation.All);
}

/// <summary>Settings of a topic; null where the broker does not tell.</summary>
internal sealed record TopicSettings(int? MaxMessageBytes, string? CleanupPolicy, string? Compression, int? MinInSync)
{
    public bool IsCompacted => CleanupPolicy?.Contains("compact", StringComparison.Ordinal) == true;
}

/// <summary>A consumer group.</summary>
/// <param name="Members">Ids of its members.</param>
/// <param name="Assignor">What divides the partitions; empty while nobody is in it.</param>
/// <param name="MayRead">False when the broker tells the rights, and this one is missing.</param>
internal sealed record GroupState(ConsumerGroupState State, string Assignor, IReadOnlyList<string> Members, bool MayRead);

/// <summary>What the worker asks a cluster about itself. Calls may block, and need not return: see <see cref="BoundedClient{T}"/>.</summary>
internal interface IClusterClient : IDisposable
{
    /// <summary>Creates no topic, whatever the brokers are set to.</summary>
    /// <exception cref="KafkaException">No broker can be asked within the limit.</exception>
    Task<ClusterState> LookAsync(IEnumerable<string> topics, TimeSpan limit);

    /// <summary>Settings of those topics that may be looked into.</summary>
    Task<IReadOnlyDictionary<string, TopicSettings>> SettingsAsync(IEnumerable<string> topics, TimeSpan limit);

    /// <remarks>To be asked only while every partition has a leader: the client does not survive the answer otherwise.</remarks>
    Task<IReadOnlyDictionary<string, TopicDetails>> DetailsAsync(IEnumerable<string> topics, TimeSpan limit);

    /// <exception cref="CreateTopicsException">It is there already, or may not be made.</exception>
    Task<bool> CreateAsync(TopicSpecification topic, TimeSpan limit);

    /// <exception cref="KafkaException">There is no such group, or it may not be seen.</exception>
    Task<GroupState> GroupAsync(string group, TimeSpan limit);
}

/// <summary>Asks with Confluent.Kafka's admin client.</summary>
/// <remarks>
/// Topics are looked at by plain metadata requests. Requests for the controller, as all others here are, have librdkafka 2.16 connect
/// thousands of times a second while that broker is down, whatever <c>reconnect.backoff.ms</c> says.
/// </remarks>
internal sealed class ClusterClient(IAdminClient admin) : IClusterClient
{
    /// <param name="trouble">Hears what the client says of connections.</param>
    /// <exception cref="InvalidOperationException">The client refuses its settings.</exception>
    public static ClusterClient Open(KafkaConfiguration configuration, ConnectionTrouble trouble, ILogger logger)
    {
        var builder = new AdminClientBuilder(configuration.Admin).SetErrorHandler((_, error) => trouble.Hear(error)).SetLogHandler((_, line) =>
        {
            trouble.Hear(line);
            logger.ClientLine("admin", line.Facility, line.Message);
        });
        return new(builder.Build());
    }

    public Task<ClusterState> LookAsync(IEnumerable<string> topics, TimeSpan limit)
    {
        var since = TimeProvider.System.GetTimestamp();
        var found = new Dictionary<string, TopicState>();
        var unseen = new Dictionary<string, ErrorCode>();
        IReadOnlyList<BrokerAddress> brokers = [];
        foreach (var name in topics.Distinct())
        {
            var left = limit - TimeProvider.System.GetElapsedTime(since);
            if (left <= TimeSpan.Zero) throw new KafkaException(ErrorCode.Local_TimedOut);
            var metadata = admin.GetMetadata(name, left);
            brokers = [.. metadata.Brokers.Select(b => new BrokerAddress(b.BrokerId, b.Host, b.Port))];
            if (metadata.Topics is [{ Error.IsError: false } topic]) found[name] = StateOf(topic);
            else unseen[name] = metadata.Topics is [{ } refused] ? refused.Error.Code : ErrorCode.UnknownTopicOrPart;
        }

        return Task.FromResult(new ClusterState(brokers, found, unseen));
    }

    public async Task<IReadOnlyDictionary<string, TopicSettings>> SettingsAsync(IEnumerable<string> topics, TimeSpan limit)
    {
        var asked = topics.Distinct().Select(t => new ConfigResource { Name = t, Type = ResourceType.Topic });
        try
        {
            var found = await admin.DescribeConfigsAsync(asked, new() { RequestTimeout = limit });
            return found.ToDictionary(r => r.ConfigResource.Name, r => SettingsOf(r.Entries));
        }
        catch (DescribeConfigsException exception)
        {
            return exception.Results.Where(r => !r.Error.IsError).ToDictionary(r => r.ConfigResource.Name, r => SettingsOf(r.Entries));
        }
    }

    public async Task<IReadOnlyDictionary<string, TopicDetails>> DetailsAsync(IEnumerable<string> topics, TimeSpan limit)
    {
        List<TopicDescription> found;
        try
        {
            var options = new DescribeTopicsOptions { RequestTimeout = limit, IncludeAuthorizedOperations = true };
            found = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames(topics.Distinct()), options)).TopicDescriptions;
        }
        catch (DescribeTopicsException exception)
        {
            found = exception.Results.TopicDescriptions; // some were found, some not
        }

        return found.Where(t => !t.Error.IsError).ToDictionary(t => t.Name, t => new TopicDetails(t.TopicId?.ToString() ?? "", t.AuthorizedOperations));
    }

    public async Task<bool> CreateAsync(TopicSpecification topic, TimeSpan limit)
    {
        await admin.CreateTopicsAsync([topic], new() { RequestTimeout = limit });
        return true;
    }

    public async Task<GroupState> GroupAsync(string group, TimeSpan limit)
    {
        try
        {
            var options = new DescribeConsumerGroupsOptions { RequestTimeout = limit, IncludeAuthorizedOperations = true };
            var found = (await admin.DescribeConsumerGroupsAsync([group], options)).ConsumerGroupDescriptions.Single();
            var rights = found.AuthorizedOperations;
            var mayRead = rights is not { Count: > 0 } || rights.Contains(AclOperation.Read) || rights.Contains(AclOperation.All);
            return new(found.State, found.PartitionAssignor ?? "", [.. found.Members.Select(m => m.ConsumerId)], mayRead);
        }
        catch (DescribeConsumerGroupsException exception) when (exception.Results.ConsumerGroupDescriptions is [{ Error.IsError: true } refused])
        {
            throw new KafkaException(refused.Error); // the exception's own error says less
        }
    }

    public void Dispose() => admin.Dispose();

    private static TopicState StateOf(TopicMetadata topic) =>
        new(topic.Topic, [.. topic.Partitions.Select(p => new PartitionState(p.PartitionId, p.Leader, p.Replicas, p.InSyncReplicas.Length))]);

    private static TopicSettings SettingsOf(Dictionary<string, ConfigEntryResult> entries)
    {
        return new(Number("max.message.bytes"), Value("cleanup.policy"), Value("compression.type"), Number("min.insync.replicas"));

        int? Number(string name) => int.TryParse(Value(name), CultureInfo.InvariantCulture, out var number) ? number : null;

        string? Value(string name) => entries.TryGetValue(name, out var entry) ? entry.Value : null;
    }
}
