namespace MtlStream.Kafka;

/// <summary>How the worker stands with Kafka, for health endpoints. Written by the client threads, read by anyone.</summary>
public sealed class KafkaStatus
{
    private volatile bool _connected;
    private volatile bool _member;
    private volatile int _assigned;
    private volatile string? _memberId;
    private volatile string? _trouble = "not connected yet";
    private volatile IReadOnlyList<string> _missingTopics = [];
    private long _moved;

    /// <summary>The brokers answered lately.</summary>
    public bool Connected => _connected;

    /// <summary>A member of the consumer group whose assignment has come, perhaps an empty one: more workers than partitions.</summary>
    public bool Member => _member;

    /// <summary>What the group calls this worker, from the beginning of joining on; null before.</summary>
    public string? MemberId => _memberId;

    /// <summary>Partitions assigned now.</summary>
    public int AssignedPartitions => _assigned;

    /// <summary>Topics that do not exist or may not be seen.</summary>
    public IReadOnlyList<string> MissingTopics => _missingTopics;

    /// <summary>Connected, with every topic there, and either an assignment or idle in the group.</summary>
    public bool Ready => _connected && _missingTopics.Count == 0 && (_assigned > 0 || _member);

    /// <summary>Why it is not ready, in a sentence without its full stop; null when it is.</summary>
    public string? NotReadyBecause =>
        !_connected ? _trouble ?? "not connected"
        : _missingTopics.Count > 0 ? $"missing topics: {string.Join(", ", _missingTopics)}"
        : _assigned == 0 && !_member ? "joining the consumer group"
        : null;

    /// <summary>How long the thread that reads and commits has been inside one call of the client, when that is longer than any call should take: six
    /// minutes, or four times a long <c>transaction.timeout.ms</c>, as often as a commit may wait for it. Null otherwise, and when the thread does not run.</summary>
    public TimeSpan? LostFor(TimeProvider time, KafkaConfiguration configuration)
    {
        var usual = TimeSpan.FromMinutes(6);
        var longest = 4 * configuration.TransactionTimeout is var waits && waits > usual ? waits : usual;
        return Volatile.Read(ref _moved) is not 0 and var moved && time.GetElapsedTime(moved) is var inside && inside > longest ? inside : null;
    }

    internal void SetMoved(long timestamp) => Volatile.Write(ref _moved, timestamp);

    internal void SetConnected() => (_connected, _trouble) = (true, null);

    internal void SetDisconnected(string trouble) => (_connected, _trouble) = (false, trouble);

    internal void SetMissingTopics(IReadOnlyList<string> topics) => _missingTopics = topics;

    internal void SetMemberId(string? id) => _memberId = id is { Length: > 0 } ? id : null;

    internal void SetIdle() => _member = true;

    internal void SetGroup(bool member, int assigned) => (_member, _assigned) = (member, assigned);
}
