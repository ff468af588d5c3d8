using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>Looks at brokers, topics, rights, the group and what waits, with the worker's own client settings.</summary>
/// <remarks>
/// Every question has a limit, and a stop ends it at once. It changes nothing but this: for <c>ExactlyOnce</c> the brokers keep the
/// transactional id that it tries, until it expires.
/// </remarks>
public sealed class KafkaDiagnosis(KafkaConfiguration configuration, InputOptions input, TimeProvider time)
{
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_reach = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_connect = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);
    private const int ReachTries = 4;
    private const int GroupTries = 4;

    private static readonly Dictionary<string, TopicSettings> NoSettings = [];
    private static readonly Dictionary<string, TopicDetails> NoDetails = [];

    private readonly KafkaOptions _options = configuration.Kafka;

    private IEnumerable<string> All => _options.InputTopics.Concat(_options.WrittenTopics).Concat(_options.AnswerTopic.Length > 0 ? [_options.AnswerTopic] : []);

    public async IAsyncEnumerable<Finding> FindAsync([EnumeratorCancellation] CancellationToken stopping)
    {
        var trouble = new ConnectionTrouble(configuration.Admin, time);
        await using var brokers = new BoundedClient<IClusterClient>(() => ClusterClient.Open(configuration, trouble, NullLogger.Instance), time);
        if (Refusal(brokers) is { } refusal)
        {
            yield return refusal;
            yield break;
        }

        var (cluster, unreachable) = await ReachAsync(brokers, trouble, stopping);
        if (cluster is null)
        {
            yield return unreachable!;
            yield break;
        }

        yield return new(Severity.Ok, "broker", $"{_options.BootstrapServers} answers");
        foreach (var finding in await AddressesAsync(cluster.Brokers, stopping)) yield return finding;
        await foreach (var finding in TopicsAsync(brokers, cluster, stopping)) yield return finding;
        var joinable = true;
        await foreach (var finding in GroupAsync(brokers, stopping))
        {
            joinable &= finding.Severity != Severity.Failure;
            yield return finding;
        }

        await foreach (var finding in WaitingAsync(cluster, joinable, stopping)) yield return finding;
        if (configuration.ExactlyOnce) yield return await TransactionsAsync(stopping);
    }

    private static Finding? Refusal(BoundedClient<IClusterClient> brokers)
    {
        try
        {
            brokers.Open();
            return null;
        }
        catch (InvalidOperationException exception)
        {
            var kerberos = exception.Message.Contains("GSSAPI", StringComparison.Ordinal);
            return new(
                Severity.Failure, "client", $"the Kafka client refuses its settings: {exception.Message}",
                kerberos ? "Kerberos needs libsasl2 on this machine; Debian's package is libsasl2-2." : "Correct Kafka:Client.");
        }
    }

    /// <summary>Asks for the topics until the brokers answer, or say why they do not.</summary>
    private async Task<(ClusterState? Cluster, Finding? Unreachable)> ReachAsync(
        BoundedClient<IClusterClient> brokers, ConnectionTrouble trouble, CancellationToken stopping)
    {
        var said = "";
        for (var tries = 0; tries < ReachTries && !trouble.Heard; tries++)
        {
            try
            {
                return (await brokers.AskAsync(client => client.LookAsync(All, s_reach), s_reach + s_grace, stopping), null);
            }
            catch (Exception exception) when (exception is KafkaException or TimeoutException or ObjectDisposedException)
            {
                said = exception.Message;
            }
        }

        var explanation = await trouble.ExplainAsync(said, stopping);
        return (null, new(
            Severity.Failure, "broker", $"{_options.BootstrapServers} cannot be reached: {explanation.Reason}", explanation.Cause.Remedy));
    }

    /// <summary>Whether each broker can be connected to where it tells clients to find it.</summary>
    private static async Task<IReadOnlyList<Finding>> AddressesAsync(IReadOnlyList<BrokerAddress> brokers, CancellationToken stopping)
    {
        var found = await Task.WhenAll(brokers.Select(b => AddressAsync(b, stopping)));
        return [.. found.OfType<Finding>()];
    }

    private static async Task<Finding?> AddressAsync(BrokerAddress broker, CancellationToken stopping)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        ends.CancelAfter(s_connect);
        string trouble;
        try
        {
            using var connection = new TcpClient();
            await connection.ConnectAsync(broker.Host, broker.Port, ends.Token);
            return null;
        }
        catch (SocketException exception)
        {
            trouble = exception.Message;
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            trouble = $"no answer within {s_connect.TotalSeconds:0} s";
        }

        return new(
            Severity.Failure, "broker", $"broker {broker.Id} tells clients to find it at {broker.Host}:{broker.Port}, and there it cannot be reached: {trouble}",
            "Set advertised.listeners of the broker to an address that can be reached from here.");
    }

    private async IAsyncEnumerable<Finding> TopicsAsync(
        BoundedClient<IClusterClient> brokers, ClusterState cluster, [EnumeratorCancellation] CancellationToken stopping)
    {
        if (cluster.Topics.Count == 0)
        {
            foreach (var finding in new TopicFindings(configuration, input, cluster, NoSettings, NoDetails).Find()) yield return finding;
            yield break;
        }

        var settings = await TryAsync(brokers, client => client.SettingsAsync(cluster.Topics.Keys, s_request), stopping);
        var led = !cluster.Leaderless.Any();
        var details = led ? await TryAsync(brokers, client => client.DetailsAsync(cluster.Topics.Keys, s_request), stopping) : null;
        if (settings is null || details is null)
        {
            yield return new(
                Severity.Warning, "topic", $"{(settings is null ? "settings and rights" : "rights")} of the topics could not be looked at",
                "See that all brokers can be reached and every partition has a leader, and look again.");
        }

        if (settings is { Count: 0 })
            yield return new(Severity.Ok, "topic", "the brokers do not tell what the topics take", "With the right DescribeConfigs on them, sizes are compared.");
        foreach (var finding in new TopicFindings(configuration, input, cluster, settings ?? NoSettings, details ?? NoDetails).Find()) yield return finding;
    }

    private async IAsyncEnumerable<Finding> GroupAsync(BoundedClient<IClusterClient> brokers, [EnumeratorCancellation] CancellationToken stopping)
    {
        var findings = new GroupFindings(configuration);
        var (group, refusal) = await AskForGroupAsync(brokers, stopping);
        for (var tries = 1; tries < GroupTries && IsPassing(refusal); tries++)
        {
            await Task.Delay(s_again, time, stopping); // a cluster that had no group before makes the topic of their offsets first
            (group, refusal) = await AskForGroupAsync(brokers, stopping);
        }

        if (group is null)
        {
            yield return findings.Unseen(refusal!);
            yield break;
        }

        foreach (var finding in findings.Members(group)) yield return finding;
    }

    private async Task<(GroupState? Group, Error? Refusal)> AskForGroupAsync(BoundedClient<IClusterClient> brokers, CancellationToken stopping)
    {
        try
        {
            return (await brokers.AskAsync(client => client.GroupAsync(_options.GroupId, s_request), s_request + s_grace, stopping), null);
        }
        catch (KafkaException exception)
        {
            return (null, exception.Error);
        }
        catch (Exception exception) when (exception is TimeoutException or ObjectDisposedException)
        {
            return (null, new(ErrorCode.Local_TimedOut, exception.Message));
        }
    }

    private static bool IsPassing(Error? refusal) => refusal is not null
        && refusal.Code is ErrorCode.GroupCoordinatorNotAvailable or ErrorCode.GroupLoadInProgress or ErrorCode.NotCoordinatorForGroup;

    /// <summary>Lag, where reading begins, and what the newest events are like.</summary>
    /// <param name="joinable">Nothing was said of the group that explains a refusal here.</param>
    private async IAsyncEnumerable<Finding> WaitingAsync(ClusterState cluster, bool joinable, [EnumeratorCancellation] CancellationToken stopping)
    {
        var partitions = (
            from name in _options.InputTopics.Distinct()
            where cluster.Topics.ContainsKey(name)
            from partition in cluster.Topics[name].Partitions
            where partition.Leader >= 0
            select new TopicPartition(name, partition.Id)).ToList();
        if (partitions.Count == 0) yield break;
        await using var reader = new BoundedClient<TopicReader>(() => TopicReader.Open(configuration, time), time);
        var progress = await TryAsync(reader, r => Task.FromResult(r.Progress(partitions, s_request)), stopping);
        if (progress is null)
        {
            if (joinable) yield return new(Severity.Warning, "lag", "what waits in the input topics could not be looked at", "See that all brokers can be reached.");
            yield break;
        }

        foreach (var finding in new GroupFindings(configuration).Progress(progress)) yield return finding;
        var sample = new InputSample(input);
        var newest = await TryAsync(reader, r => Task.FromResult(r.Newest(InputSample.Choose(progress), InputSample.Each, s_request)), stopping);
        if (newest is { Count: > 0 } && sample.Find(newest) is { } found) yield return found;
    }

    private async Task<Finding> TransactionsAsync(CancellationToken stopping)
    {
        // An id of its own: taking the worker's would fence a worker that runs.
        var id = $"{configuration.TransactionalId}-doctor";
        var properties = new Dictionary<string, string>(configuration.Producer) { ["transactional.id"] = id };
        await using var producer = new BoundedClient<IProducer<byte[], byte[]>>(
            () => new ProducerBuilder<byte[], byte[]>(properties).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build(), time);
        try
        {
            return await producer.AskAsync(Start, s_request + s_grace, stopping);
        }
        catch (Exception exception) when (exception is KafkaException or TimeoutException)
        {
            return new(
                Severity.Failure, "rights", $"transactions cannot be started as {id}: {exception.Message}",
                "Grant Write and Describe on the transactional id or its prefix; check transaction.state.log.* on the brokers.");
        }

        Task<Finding> Start(IProducer<byte[], byte[]> client)
        {
            client.InitTransactions(s_request);
            return Task.FromResult(new Finding(Severity.Ok, "rights", $"transactions can be started (tried as {id})"));
        }
    }

    /// <summary>Null where no answer comes, or a refusal.</summary>
    private static async Task<TAnswer?> TryAsync<T, TAnswer>(BoundedClient<T> client, Func<T, Task<TAnswer>> ask, CancellationToken stopping)
        where T : class, IDisposable
        where TAnswer : class
    {
        try
        {
            return await client.AskAsync(ask, s_request + s_grace, stopping);
        }
        catch (Exception exception) when (exception is KafkaException or TimeoutException or ObjectDisposedException)
        {
            return null;
        }
    }
}
