using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace MtlStream.Kafka;

/// <summary>Topics that are made for a while and deleted when they are disposed.</summary>
public sealed class ScratchTopics : IAsyncDisposable
{
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(20);

    private readonly IAdminClient _admin;
    private readonly IReadOnlyList<string> _names;

    private ScratchTopics(IAdminClient admin, IReadOnlyList<string> names) => (_admin, _names) = (admin, names);

    /// <param name="kept">Topics whose whole content is read again.</param>
    /// <param name="passing">Topics that nobody reads: the broker need not keep much of them.</param>
    /// <exception cref="IOException">The broker cannot be reached, or does not let topics be made.</exception>
    public static async Task<ScratchTopics> CreateAsync(
        KafkaConfiguration clients, IReadOnlyList<string> kept, IReadOnlyList<string> passing, int partitions)
    {
        ArgumentNullException.ThrowIfNull(clients);
        var small = new Dictionary<string, string> { ["retention.bytes"] = "67108864", ["segment.bytes"] = "33554432" };
        var admin = new AdminClientBuilder(clients.Admin).SetLogHandler((_, _) => { }).Build();
        var topics = new ScratchTopics(admin, [.. kept, .. passing]);
        try
        {
            await admin.CreateTopicsAsync(
                [.. kept.Select(name => Specification(name, partitions, null)), .. passing.Select(name => Specification(name, partitions, small))],
                new() { RequestTimeout = s_request, OperationTimeout = s_request });
            return topics;
        }
        catch (KafkaException exception)
        {
            await topics.DisposeAsync();
            var create = exception as CreateTopicsException;
            var reason = create?.Results.First(r => r.Error.IsError).Error.Reason ?? exception.Error.Reason;
            throw new IOException($"no topics can be made on {clients.Kafka.BootstrapServers}: {reason}", exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _admin.DeleteTopicsAsync(_names, new() { RequestTimeout = s_request, OperationTimeout = s_request });
        }
        catch (KafkaException)
        {
            // not made, or not ours to delete: they are left behind, their names say what they are
        }

        _admin.Dispose();
    }

    private static TopicSpecification Specification(string name, int partitions, Dictionary<string, string>? configs) =>
        new() { Name = name, NumPartitions = partitions, ReplicationFactor = -1, Configs = configs };
}
