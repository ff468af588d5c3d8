using System.Globalization;
using System.Runtime.CompilerServices;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;

namespace MtlStream.Host.Diagnosis;

/// <summary>Looks at brokers, topics and rights with the worker's own client settings.</summary>
/// <remarks>Changes nothing but this: for <c>ExactlyOnce</c> the brokers keep the transactional id that it tries, until it expires.</remarks>
internal static class KafkaDiagnosis
{
    /// <summary>More than the headers of a dead letter take.</summary>
    private const int DeadLetterHeaders = 16 * 1024;

    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(10);

    public static async IAsyncEnumerable<Finding> FindAsync(AppSettings settings, [EnumeratorCancellation] CancellationToken stopping)
    {
        var kafka = settings.Kafka;
        var said = "";
        var (admin, refused) = Client(settings, error => said = error.Reason);
        if (admin is null)
        {
            yield return new(Severity.Failure, "client", $"the Kafka client refuses its settings: {refused}", "Correct Kafka:Client.");
            yield break;
        }

        using var disposed = admin;
        if (await ReachAsync(admin) is { } trouble)
        {
            yield return new(
                Severity.Failure, "broker", $"{kafka.BootstrapServers} cannot be reached: {(said.Length > 0 ? said : trouble)}",
                "Check Kafka:BootstrapServers, the network, and Kafka:Client:security.protocol with its sasl.* and ssl.* settings.");
            yield break;
        }

        yield return new(Severity.Ok, "broker", $"{kafka.BootstrapServers} answers");
        await foreach (var finding in TopicsAsync(admin, settings, stopping)) yield return finding;
        if (await GroupAsync(admin, kafka.GroupId) is { } group) yield return group;
        if (settings.Delivery.Guarantee == DeliveryGuarantee.ExactlyOnce) yield return Transactions(settings);
    }

    internal static async IAsyncEnumerable<Finding> TopicsAsync(IAdminClient admin, AppSettings settings, [EnumeratorCancellation] CancellationToken stopping)
    {
        var kafka = settings.Kafka;
        var (topics, refusal) = await DescribeAsync(admin, [.. kafka.InputTopics, .. kafka.WrittenTopics]);
        if (refusal is not null)
        {
            yield return new(Severity.Failure, "topic", $"the topics cannot be looked at: {refusal}", "Check the right Describe on the topics, and that all brokers can be reached.");
            yield break;
        }

        foreach (var name in kafka.InputTopics) yield return Input(name, topics);
        var largest = 0L; // that an input topic may hold
        foreach (var name in kafka.InputTopics.Where(topics.ContainsKey)) largest = Math.Max(largest, await LimitAsync(admin, name) ?? 0);
        foreach (var name in kafka.WrittenTopics)
        {
            stopping.ThrowIfCancellationRequested();
            foreach (var finding in Written(name, topics, kafka.CreateTopics)) yield return finding;
            if (topics.ContainsKey(name) && await LimitAsync(admin, name) is { } limit && Size(name, limit, largest, settings) is { } size) yield return size;
        }
    }

    private static (IAdminClient? Admin, string Refused) Client(AppSettings settings, Action<Error> onError)
    {
        try
        {
            return (new AdminClientBuilder(settings.KafkaClients.Admin).SetErrorHandler((_, error) => onError(error)).SetLogHandler((_, _) => { }).Build(), "");
        }
        catch (InvalidOperationException exception)
        {
            return (null, exception.Message);
        }
    }

    private static async Task<string?> ReachAsync(IAdminClient admin)
    {
        try
        {
            await admin.DescribeClusterAsync(new() { RequestTimeout = s_request });
            return null;
        }
        catch (KafkaException exception)
        {
            return exception.Error.Reason;
        }
    }

    /// <summary>The topics that there are, by name, or why nobody knows.</summary>
    private static async Task<(Dictionary<string, TopicDescription> Topics, string? Refusal)> DescribeAsync(IAdminClient admin, string[] names)
    {
        List<TopicDescription> found;
        try
        {
            found = (await admin.DescribeTopicsAsync(
                TopicCollection.OfTopicNames(names), new() { RequestTimeout = s_request, IncludeAuthorizedOperations = true })).TopicDescriptions;
        }
        catch (DescribeTopicsException exception)
        {
            found = exception.Results.TopicDescriptions;
        }
        catch (KafkaException exception)
        {
            return ([], exception.Error.Reason);
        }

        return (found.Where(t => !t.Error.IsError).ToDictionary(t => t.Name), null);
    }

    private static Finding Input(string name, Dictionary<string, TopicDescription> topics) =>
        !topics.TryGetValue(name, out var topic)
            ? new(Severity.Failure, "topic", $"input {name} does not exist or may not be seen", "Create it or correct Kafka:InputTopics; input topics are never created. Check the right Describe.")
        : !May(topic, AclOperation.Read)
            ? new(Severity.Failure, "rights", $"input {name} may not be read", $"Grant Read on topic {name}.")
        : new(Severity.Ok, "topic", $"input {name}: {topic.Partitions.Count} partitions, so at most as many workers have something to do");

    private static IEnumerable<Finding> Written(string name, Dictionary<string, TopicDescription> topics, bool createTopics)
    {
        if (!topics.TryGetValue(name, out var topic))
        {
            yield return createTopics
                ? new(Severity.Ok, "topic", $"{name} does not exist and will be created", "The right Create on the cluster or the topic is needed.")
                : new(Severity.Failure, "topic", $"{name} does not exist or may not be seen", "Create it, or set Kafka:CreateTopics to true. Check the right Describe.");
            yield break;
        }

        if (!May(topic, AclOperation.Write))
        {
            yield return new(Severity.Failure, "rights", $"{name} may not be written", $"Grant Write on topic {name}.");
            yield break;
        }

        var replicas = topic.Partitions.Min(p => p.Replicas.Count);
        yield return replicas > 1
            ? new(Severity.Ok, "topic", $"{name}: {topic.Partitions.Count} partitions, {replicas} replicas")
            : new(Severity.Warning, "topic", $"{name}: {topic.Partitions.Count} partitions, one replica", "What is written is lost with that broker: give it 3 replicas and min.insync.replicas=2.");
    }

    /// <summary>What a topic lets a message weigh; null without the right to see it.</summary>
    private static async Task<long?> LimitAsync(IAdminClient admin, string name)
    {
        try
        {
            var configs = await admin.DescribeConfigsAsync([new() { Name = name, Type = ResourceType.Topic }], new() { RequestTimeout = s_request });
            return long.Parse(configs[0].Entries["max.message.bytes"].Value, CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is KafkaException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    /// <param name="largest">What the input topics let a message weigh; 0 when unknown.</param>
    internal static Finding? Size(string name, long limit, long largest, AppSettings settings)
    {
        if (name != settings.Kafka.DeadLetterTopic)
        {
            return limit >= settings.Input.MaxPayloadBytes ? null : new(
                Severity.Ok, "topic", $"{name} takes messages of {limit:N0} bytes, Input:MaxPayloadBytes is {settings.Input.MaxPayloadBytes:N0}",
                $"{(name == settings.Kafka.ReviewTopic ? "Copies of larger results are left out" : "Larger results become dead letters")}; raise max.message.bytes if such events are expected.");
        }

        return limit >= largest + DeadLetterHeaders ? null : new(
            Severity.Ok, "topic", $"{name} takes messages of {limit:N0} bytes, an event may have {largest:N0}",
            $"A dead letter is its event with headers, and one that cannot be written stops the worker: set max.message.bytes to {largest + DeadLetterHeaders} or more.");
    }

    private static async Task<Finding?> GroupAsync(IAdminClient admin, string group)
    {
        try
        {
            var found = (await admin.DescribeConsumerGroupsAsync([group], new() { RequestTimeout = s_request, IncludeAuthorizedOperations = true }))
                .ConsumerGroupDescriptions.Single();
            return found.AuthorizedOperations is { Count: > 0 } rights && !rights.Contains(AclOperation.Read)
                ? new(Severity.Failure, "rights", $"group {group} may not be joined", $"Grant Read on group {group}.")
                : new(Severity.Ok, "group", $"{group}: {found.State.ToString().ToLowerInvariant()}, {found.Members.Count} members");
        }
        catch (DescribeConsumerGroupsException exception) when (exception.Error.Code == ErrorCode.GroupAuthorizationFailed)
        {
            return new(Severity.Failure, "rights", $"group {group} may not be seen", $"Grant Read and Describe on group {group}.");
        }
        catch (KafkaException)
        {
            return null; // a group that was never there
        }
    }

    private static Finding Transactions(AppSettings settings)
    {
        // An id of its own: taking the worker's would fence a worker that runs.
        var id = $"{settings.KafkaClients.TransactionalId}-doctor";
        var properties = new Dictionary<string, string>(settings.KafkaClients.Producer) { ["transactional.id"] = id };
        using var producer = new ProducerBuilder<byte[], byte[]>(properties).SetLogHandler((_, _) => { }).Build();
        try
        {
            producer.InitTransactions(s_request);
            return new(Severity.Ok, "rights", $"transactions can be started (tried as {id})");
        }
        catch (KafkaException exception)
        {
            return new(
                Severity.Failure, "rights", $"transactions cannot be started as {id}: {exception.Error.Reason}",
                "Grant Write and Describe on the transactional id or its prefix; check transaction.state.log.* on the brokers.");
        }
    }

    /// <summary>False only when the broker tells the rights and this one is missing.</summary>
    private static bool May(TopicDescription topic, AclOperation operation) =>
        topic.AuthorizedOperations is not { Count: > 0 } rights || rights.Contains(operation) || rights.Contains(AclOperation.All);
}
