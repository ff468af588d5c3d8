using System.Collections.Concurrent;
using System.Globalization;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using MtlStream.Kafka.Diagnosis;

namespace MtlStream.Kafka;

/// <summary>Looks every few seconds whether the brokers answer, the topics exist and their partitions have leaders.</summary>
/// <remarks>
/// It also creates topics when told to, and asks whether an idle worker is in its group. Every question has a limit, and one that fails
/// keeps the next look from nothing: what it knows is never older than the brokers' last answer.
/// </remarks>
/// <param name="trouble">Hears what that client says.</param>
/// <param name="open">Makes the client that is asked.</param>
internal sealed class TopicWatch(
    KafkaConfiguration configuration, KafkaStatus status, ConnectionTrouble trouble, TimeProvider time, ILogger logger,
    Func<IClusterClient> open) : IKnownTopics, IAsyncDisposable
{
    private static readonly TimeSpan s_whenFound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_whenNot = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(10);

    /// <summary>How much later than the client should have given up it is given up itself.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    /// <summary>A member that has joined by then has waited for nobody.</summary>
    private static readonly TimeSpan s_joinsSoon = TimeSpan.FromSeconds(5);

    /// <summary>Between two questions for what changes seldom, or was refused.</summary>
    private static readonly TimeSpan s_seldom = TimeSpan.FromMinutes(1);

    /// <summary>After this long without an answer another client may have more luck, with addresses looked up anew.</summary>
    private static readonly TimeSpan s_renew = TimeSpan.FromSeconds(30);

    private readonly KafkaOptions _options = configuration.Kafka;
    private readonly BoundedClient<IClusterClient> _brokers = new(open, time);
    private readonly ConcurrentDictionary<string, int> _partitions = new();
    private readonly ConcurrentDictionary<string, int> _maxMessageBytes = new();
    private readonly ConcurrentDictionary<string, string> _ids = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly LogLimit _unreachable = new(time);
    private readonly LogLimit _missing = new(time);
    private readonly LogLimit _leaderless = new(time);
    private readonly LogLimit _notCreated = new(time);
    private readonly LogLimit _joining = new(time);
    private IReadOnlyList<string> _leaderlessBefore = [];
    private TimeSpan _pause = s_whenNot;
    private long? _failingSince;
    private long? _createRefused;
    private long? _askedForLimits;
    private long? _detailsRefused;
    private long? _groupRefused;
    private long? _joiningSince;
    private Request _request = new();
    private Task? _watching;
    private volatile bool _writable;

    /// <summary>True once the output and the dead-letter topic were seen.</summary>
    public bool OutputsFound => _writable;

    /// <summary>Largest record batch that every output topic takes, in bytes; null when the broker does not say.</summary>
    public int? SmallestMaxMessageBytes => _maxMessageBytes.IsEmpty ? null : _maxMessageBytes.Values.Min();

    /// <summary>Largest record batch that an output topic takes, in bytes; null when the broker does not say.</summary>
    public int? MaxMessageBytesOf(string topic) => _maxMessageBytes.TryGetValue(topic, out var bytes) ? bytes : null;

    /// <summary>Number of partitions of a topic as last seen, 0 before.</summary>
    public int PartitionsOf(string topic) => _partitions.GetValueOrDefault(topic);

    /// <summary>The brokers' id of a topic as last seen: another one once it was made again. Null when they do not say.</summary>
    public string? IdOf(string topic) => _ids.GetValueOrDefault(topic);

    /// <summary>Looks now, and waits for it no longer than this; not while the brokers do not answer.</summary>
    public void LookAgain(TimeSpan limit)
    {
        if (_watching is null || !status.Connected) return;
        var request = Volatile.Read(ref _request);
        request.Made.TrySetResult();
        Task.WaitAny([request.Answered.Task], limit);
    }

    /// <summary>Topics that the worker cannot do without: copies for review may be lost.</summary>
    private IEnumerable<string> Needed => _options.InputTopics.Append(_options.OutputTopic).Append(_options.DeadLetterTopic);

    private IEnumerable<string> All => _options.InputTopics.Concat(_options.WrittenTopics);

    /// <exception cref="InvalidOperationException">The client refuses its settings.</exception>
    public void Start()
    {
        _brokers.Open();
        _watching = Task.Run(() => WatchAsync(_stopping.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_watching is not null) await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _brokers.DisposeAsync();
        _stopping.Dispose();
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        while (true)
        {
            var request = Interlocked.Exchange(ref _request, new()); // what is asked for from here on this look may not see any more
            var pause = await TryLookAsync(stopping);
            request.Answered.TrySetResult();
            await Task.WhenAny(Task.Delay(pause, time, stopping), _request.Made.Task);
            stopping.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Looks once; the next look comes whatever happens.</summary>
    /// <returns>When to look again.</returns>
    internal async Task<TimeSpan> TryLookAsync(CancellationToken stopping)
    {
        try
        {
            var found = await LookAsync(stopping);
            _pause = s_whenNot;
            return found ? s_whenFound : s_whenNot;
        }
#pragma warning disable CA1031 // whatever it is, the worker must not be left with what was known before
        catch (Exception exception) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            await DisconnectedAsync((exception as KafkaException)?.Error.Reason ?? exception.Message, stopping);
            var pause = _pause;
            _pause = Min(_pause * 2, s_whenFound);
            return pause;
        }
    }

    private async Task<bool> LookAsync(CancellationToken stopping)
    {
        var cluster = await AskAsync((client, limit) => client.LookAsync(All, limit), stopping);
        var missing = All.Where(t => !cluster.Topics.ContainsKey(t)).ToList();
        if (MayCreate(missing))
        {
            await CreateAsync(missing, cluster, stopping);
            cluster = await AskAsync((client, limit) => client.LookAsync(All, limit), stopping);
            missing = [.. All.Where(t => !cluster.Topics.ContainsKey(t))];
        }

        Connected();
        foreach (var topic in cluster.Topics.Values) _partitions[topic.Name] = topic.Partitions.Count;
        var complete = Report(missing, cluster);
        await AskForLimitsAsync(cluster, stopping);
        if (!cluster.Leaderless.Any() && cluster.AllBrokersUp) await AskForDetailsAsync(cluster.Topics.Keys, stopping);
        if (cluster.Topics.ContainsKey(_options.OutputTopic) && cluster.Topics.ContainsKey(_options.DeadLetterTopic)) _writable = true;
        return !await IsJoiningAsync(stopping) && complete;
    }

    private void Connected()
    {
        _failingSince = null;
        trouble.Over();
        status.SetConnected();
        if (!_unreachable.Troubled) return;
        _unreachable.Over();
        logger.BrokersReached();
    }

    private async Task DisconnectedAsync(string reason, CancellationToken stopping)
    {
        status.SetDisconnected();
        var explanation = await trouble.ExplainAsync(reason, stopping);
        var cause = explanation.Cause;
        status.SetDisconnected(cause.Reason);
        if (_unreachable.IsDue(cause.Reason)) logger.BrokersUnreachable(_options.BootstrapServers, explanation.Reason, cause.Remedy);
        _failingSince ??= time.GetTimestamp();
        if (time.GetElapsedTime(_failingSince.Value) < s_renew) return;
        _failingSince = null;
        _brokers.Renew();
    }

    /// <summary>Says what is not as it should be; true when all is.</summary>
    private bool Report(List<string> missing, ClusterState cluster)
    {
        status.SetMissingTopics([.. missing.Intersect(Needed)]);
        if (missing.Count > 0)
        {
            var names = string.Join(", ", missing.Select(t => NameOf(t, cluster)));
            if (_missing.IsDue(names)) logger.TopicsMissing(names);
        }
        else if (_missing.Troubled)
        {
            _missing.Over();
            logger.TopicsFound();
        }

        // What is without a leader for a moment only is being elected one.
        var leaderless = cluster.Leaderless.ToList();
        var lasting = leaderless.Intersect(_leaderlessBefore).ToList();
        _leaderlessBefore = leaderless;
        status.SetLeaderless(lasting);
        if (lasting.Count > 0)
        {
            var names = string.Join(", ", lasting);
            if (_leaderless.IsDue(names)) logger.PartitionsWithoutLeader(names);
        }
        else if (leaderless.Count == 0 && _leaderless.Troubled)
        {
            _leaderless.Over();
            logger.LeadersFound();
        }

        return missing.Count == 0 && leaderless.Count == 0;
    }

    private static string NameOf(string missing, ClusterState cluster) =>
        cluster.Unseen.GetValueOrDefault(missing) == ErrorCode.TopicAuthorizationFailed ? $"{missing} (without the right to see it)" : missing;

    private bool MayCreate(List<string> missing)
    {
        if (!_options.CreateTopics || !missing.Any(_options.WrittenTopics.Contains) || _options.InputTopics.All(missing.Contains)) return false;
        return _createRefused is not { } refused || time.GetElapsedTime(refused) >= s_whenFound;
    }

    // They get as many partitions as the largest input topic that is there; without one they would get a single partition for good.
    private async Task CreateAsync(List<string> missing, ClusterState cluster, CancellationToken stopping)
    {
        var partitions = _options.InputTopics.Where(cluster.Topics.ContainsKey).Max(t => cluster.Topics[t].Partitions.Count);
        _createRefused = null;
        foreach (var topic in missing.Intersect(_options.WrittenTopics))
        {
            try
            {
                await CreateAsync(topic, partitions, stopping);
                logger.TopicCreated(topic, partitions);
            }
            catch (CreateTopicsException exception) when (CodeOf(exception) == ErrorCode.TopicAlreadyExists)
            {
                // another worker was faster
            }
            catch (Exception exception) when (IsRefusal(exception))
            {
                _createRefused = time.GetTimestamp();
                var reason = (exception as CreateTopicsException)?.Results[0].Error.Reason ?? exception.Message;
                if (_notCreated.IsDue(topic + reason)) logger.TopicNotCreated(topic, reason);
            }
        }
    }

    // What the worker writes is to fit, whatever its client sends; brokers that allow no such limit are left theirs.
    private async Task CreateAsync(string topic, int partitions, CancellationToken stopping)
    {
        var specification = new TopicSpecification
        {
            Name = topic,
            NumPartitions = partitions,
            ReplicationFactor = -1,
            Configs = new() { ["max.message.bytes"] = configuration.LargestMessage.ToString(CultureInfo.InvariantCulture) },
        };
        try
        {
            await AskAsync((client, limit) => client.CreateAsync(specification, limit), stopping);
        }
        catch (CreateTopicsException exception) when (CodeOf(exception) is ErrorCode.InvalidConfig or ErrorCode.PolicyViolation)
        {
            specification.Configs = null;
            await AskAsync((client, limit) => client.CreateAsync(specification, limit), stopping);
        }
    }

    private static ErrorCode CodeOf(CreateTopicsException exception) => exception.Results[0].Error.Code;

    // A batch above a topic's limit is refused as a whole, innocent messages included: batches must stay below it.
    // Asked for again and again, for someone may have raised one; while a broker is missing only when nothing is known yet.
    private async Task AskForLimitsAsync(ClusterState cluster, CancellationToken stopping)
    {
        if (_askedForLimits is { } asked && (!cluster.AllBrokersUp || time.GetElapsedTime(asked) < s_seldom)) return;
        var topics = _options.WrittenTopics.Where(cluster.Topics.ContainsKey).ToList();
        if (topics.Count == 0) return;
        _askedForLimits = time.GetTimestamp();
        if (await TryAskAsync((client, limit) => client.SettingsAsync(topics, limit), stopping) is not { } settings) return;
        foreach (var (topic, found) in settings)
        {
            if (found.MaxMessageBytes is { } bytes) _maxMessageBytes[topic] = bytes;
        }
    }

    private async Task AskForDetailsAsync(IEnumerable<string> topics, CancellationToken stopping)
    {
        if (_detailsRefused is { } refused && time.GetElapsedTime(refused) < s_seldom) return;
        var details = await TryAskAsync((client, limit) => client.DetailsAsync(topics, limit), stopping);
        _detailsRefused = details is null ? time.GetTimestamp() : null;
        foreach (var (topic, found) in details ?? new Dictionary<string, TopicDetails>()) _ids[topic] = found.Id;
    }

    // With group.protocol=consumer the client does not tell of an assignment that is empty from the beginning: the group has to be asked.
    private async Task<bool> IsJoiningAsync(CancellationToken stopping)
    {
        if (status.Member || status.MemberId is not { } id)
        {
            _joiningSince = null;
            _joining.Over();
            return false;
        }

        _joiningSince ??= time.GetTimestamp();
        var joining = time.GetElapsedTime(_joiningSince.Value);
        var classic = configuration.SessionTimeout is not null;
        if (classic && joining < s_joinsSoon) return false;
        if (_groupRefused is { } refused && time.GetElapsedTime(refused) < s_whenFound) return true;
        var group = await TryAskAsync((client, limit) => client.GroupAsync(_options.GroupId, limit), stopping);
        _groupRefused = group is null ? time.GetTimestamp() : null;
        if (!classic && group is { State: ConsumerGroupState.Stable } && group.Members.Contains(id)) status.SetIdle();
        if (group is not null && joining >= s_joinsSoon && !status.Member) ReportJoining(group, id, joining);
        return !classic && !status.Member;
    }

    private void ReportJoining(GroupState group, string id, TimeSpan joining)
    {
        if (!_joining.IsDue("joining")) return;
        var session = configuration.SessionTimeout is { } timeout
            ? $"session.timeout.ms ({timeout.TotalSeconds:0} s here)" : "group.consumer.session.timeout.ms of the brokers";
        logger.Joining(_options.GroupId, joining.TotalSeconds, group.Members.Count(m => m != id), group.State.ToString(), session);
    }

    private Task<TAnswer> AskAsync<TAnswer>(Func<IClusterClient, TimeSpan, Task<TAnswer>> ask, CancellationToken stopping) =>
        _brokers.AskAsync(client => ask(client, s_request), s_request + s_grace, stopping);

    /// <summary>Null where the answer does not come, or is refused: the worker goes on without.</summary>
    private async Task<TAnswer?> TryAskAsync<TAnswer>(Func<IClusterClient, TimeSpan, Task<TAnswer>> ask, CancellationToken stopping)
        where TAnswer : class
    {
        try
        {
            return await AskAsync(ask, stopping);
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            return null;
        }
    }

    private static bool IsRefusal(Exception exception) => exception is KafkaException or TimeoutException or ObjectDisposedException;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    /// <summary>Asks for a look before its time.</summary>
    private sealed class Request
    {
        public TaskCompletionSource Made { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completed by a look that began after it was made.</summary>
        public TaskCompletionSource Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
