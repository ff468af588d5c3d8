namespace MtlStream.Kafka;

/// <summary>How the worker stands with Kafka, for health endpoints. Written by the client threads, read by anyone.</summary>
public sealed class KafkaStatus(TimeProvider? time = null)
{
    private const string Unreachable = "the brokers cannot be reached";
    private const string Log = "; the log says more";

    /// <summary>What was said longer ago is not believed any more: looks are at most half as far apart, whatever happens.</summary>
    private static readonly TimeSpan s_believed = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private volatile bool _connected;
    private volatile bool _member;
    private volatile int _assigned;
    private volatile string? _memberId;
    private volatile string _trouble = "not connected yet";
    private volatile IReadOnlyList<string> _missingTopics = [];
    private volatile IReadOnlyList<string> _leaderless = [];
    private long _seen;
    private long _moved;

    /// <summary>The brokers answered lately.</summary>
    public bool Connected => _connected && _time.GetElapsedTime(Volatile.Read(ref _seen)) < s_believed;

    /// <summary>A member of the consumer group whose assignment has come, perhaps an empty one: more workers than partitions.</summary>
    public bool Member => _member;

    /// <summary>What the group calls this worker, from the beginning of joining on; null before.</summary>
    public string? MemberId => _memberId;

    /// <summary>Partitions assigned now.</summary>
    public int AssignedPartitions => _assigned;

    /// <summary>Topics that the worker needs, and that do not exist or may not be seen.</summary>
    public IReadOnlyList<string> MissingTopics => _missingTopics;

    /// <summary>Partitions that no broker leads, so that they can be neither read nor written.</summary>
    public IReadOnlyList<string> Leaderless => _leaderless;

    /// <summary>Connected, with every topic there and led, and either an assignment or idle in the group.</summary>
    public bool Ready => NotReadyBecause is null;

    /// <summary>Why it is not ready, in a sentence without its full stop; null when it is.</summary>
    /// <remarks>One of a few fixed texts: who may ask the probes need not know addresses, topics or what the client says.</remarks>
    public string? NotReadyBecause
    {
        get
        {
            if (!_connected) return _trouble;
            if (!Connected) return Unreachable + Log;
            if (_missingTopics.Count > 0) return "topics are missing or may not be seen" + Log;
            if (_leaderless.Count > 0) return "partitions have no leader" + Log;
            return _assigned == 0 && !_member ? "joining the consumer group" : null;
        }
    }

    /// <summary>How long the thread that reads and commits has been inside one call of the client, when no call should take that long.</summary>
    /// <remarks>That is six minutes, or four times a long <c>transaction.timeout.ms</c>, as often as a commit may wait for it.</remarks>
    /// <returns>Null otherwise, and when the thread does not run.</returns>
    public TimeSpan? LostFor(TimeProvider time, KafkaConfiguration configuration)
    {
        var moved = Volatile.Read(ref _moved);
        if (moved == 0) return null;
        var longest = TimeSpan.FromMinutes(6);
        if (4 * configuration.TransactionTimeout > longest) longest = 4 * configuration.TransactionTimeout;
        var inside = time.GetElapsedTime(moved);
        return inside > longest ? inside : null;
    }

    internal void SetMoved(long timestamp) => Volatile.Write(ref _moved, timestamp);

    internal void SetConnected()
    {
        Volatile.Write(ref _seen, _time.GetTimestamp());
        _connected = true;
    }

    /// <param name="reason">One of a few fixed clauses; null where the client does not say why.</param>
    internal void SetDisconnected(string? reason = null)
    {
        if (reason is not null || _connected) _trouble = (reason ?? Unreachable) + Log;
        _connected = false;
    }

    internal void SetMissingTopics(IReadOnlyList<string> topics) => _missingTopics = topics;

    internal void SetLeaderless(IReadOnlyList<string> partitions) => _leaderless = partitions;

    internal void SetMemberId(string? id) => _memberId = id is { Length: > 0 } ? id : null;

    internal void SetIdle() => _member = true;

    internal void SetGroup(bool member, int assigned) => (_member, _assigned) = (member, assigned);
}
