using System.Globalization;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>What the topics are like, and whether the worker can do its work with them. Asks nobody.</summary>
/// <param name="settings">Of those topics that may be looked into.</param>
/// <param name="details">Of those that the brokers describe; none while a partition has no leader.</param>
internal sealed class TopicFindings(
    KafkaConfiguration configuration, InputOptions input, ClusterState cluster,
    IReadOnlyDictionary<string, TopicSettings> settings, IReadOnlyDictionary<string, TopicDetails> details)
{
    /// <summary>More than the headers of a dead letter and its batch take, and so more than one without a payload does.</summary>
    private const int Headers = 16 * 1024;

    private readonly KafkaOptions _options = configuration.Kafka;

    /// <summary>The largest batch that an input topic takes, in bytes; 0 where no broker tells.</summary>
    private long LargestInput => _options.InputTopics.Max(t => settings.GetValueOrDefault(t)?.MaxMessageBytes ?? 0L);

    public IEnumerable<Finding> Find()
    {
        foreach (var name in _options.InputTopics) yield return Input(name);
        foreach (var name in _options.WrittenTopics)
        {
            foreach (var finding in Written(name)) yield return finding;
        }

        if (_options.AnswerTopic.Length > 0) yield return Answers(_options.AnswerTopic);
    }

    private Finding Input(string name)
    {
        if (!cluster.Topics.TryGetValue(name, out var topic))
        {
            return IsDenied(name)
                ? new(Severity.Failure, "rights", $"input {name} may not be seen", $"Grant Describe and Read on topic {name}.")
                : new(Severity.Failure, "topic", $"input {name} does not exist", "Create it or correct Kafka:InputTopics; input topics are never created.");
        }

        if (!May(name, AclOperation.Read)) return new(Severity.Failure, "rights", $"input {name} may not be read", $"Grant Read on topic {name}.");
        if (WithoutLeader(topic) is { } leaderless) return leaderless;
        return new(Severity.Ok, "topic", $"input {name}: {topic.Partitions.Count} partitions, so at most as many workers have something to do");
    }

    /// <summary>People's answers are read beside the stream, which goes on without them.</summary>
    private Finding Answers(string name)
    {
        const string Consequence = "Until then the quality on the stream is not estimated.";
        if (!cluster.Topics.TryGetValue(name, out var topic))
        {
            return IsDenied(name)
                ? new(Severity.Warning, "rights", $"answers {name} may not be seen", $"Grant Describe and Read on topic {name}. {Consequence}")
                : new(Severity.Warning, "topic", $"answers {name} does not exist", $"Create it; mtlstream review does with Kafka:CreateTopics=true. {Consequence}");
        }

        if (!May(name, AclOperation.Read)) return new(Severity.Warning, "rights", $"answers {name} may not be read", $"Grant Read on topic {name}. {Consequence}");
        if (WithoutLeader(topic) is { } leaderless) return leaderless with { Severity = Severity.Warning };
        return new(Severity.Ok, "topic", $"answers {name}: {topic.Partitions.Count} partitions");
    }

    private IEnumerable<Finding> Written(string name)
    {
        if (!cluster.Topics.TryGetValue(name, out var topic))
        {
            yield return Missing(name);
            yield break;
        }

        if (!May(name, AclOperation.Write))
        {
            yield return new(Severity.Failure, "rights", $"{name} may not be written", $"Grant Write on topic {name}.");
            yield break;
        }

        if (WithoutLeader(topic) is { } leaderless) yield return leaderless;
        yield return Replicas(topic);
        if (settings.GetValueOrDefault(name) is not { } found) yield break;
        if (found.IsCompacted) yield return Compacted(name);
        if (found.MaxMessageBytes is not { } limit) yield break;
        if ((name == _options.DeadLetterTopic ? LetterSize(name, limit) : ResultSize(name, limit)) is { } size) yield return size;
    }

    private Finding Missing(string name)
    {
        if (IsDenied(name)) return new(Severity.Failure, "rights", $"{name} may not be seen", $"Grant Describe and Write on topic {name}.");
        return _options.CreateTopics
            ? new(Severity.Ok, "topic", $"{name} does not exist and will be created", "The right Create on the cluster or the topic is needed.")
            : new(Severity.Failure, "topic", $"{name} does not exist", "Create it, or set Kafka:CreateTopics to true.");
    }

    private static Finding? WithoutLeader(TopicState topic)
    {
        var leaderless = topic.Partitions.Where(p => p.Leader < 0).Select(p => p.Id).ToList();
        return leaderless.Count == 0 ? null : new(
            Severity.Failure, "topic", $"{topic.Name}: no broker leads partition {string.Join(", ", leaderless)} of {topic.Partitions.Count}",
            "Bring the broker back that holds it, or move the partition. Until then the worker does without it.");
    }

    private Finding Replicas(TopicState topic)
    {
        var replicas = topic.Partitions.Min(p => p.Replicas.Count);
        var inSync = topic.Partitions.Min(p => p.InSync);
        var found = $"{topic.Name}: {topic.Partitions.Count} partitions, {(replicas == 1 ? "one replica" : $"{replicas} replicas")}";
        if (settings.GetValueOrDefault(topic.Name)?.MinInSync is { } needed && inSync < needed)
        {
            return new(
                Severity.Failure, "topic", $"{found}, {inSync} of them in sync; min.insync.replicas is {needed}, so nothing can be written",
                replicas < needed ? "Lower min.insync.replicas, or add replicas." : "Bring the brokers back that hold the others.");
        }

        return replicas > 1
            ? new(Severity.Ok, "topic", found)
            : new(Severity.Warning, "topic", found, "What is written is lost with that broker: give it 3 replicas and min.insync.replicas=2.");
    }

    private Finding Compacted(string name)
    {
        var remedy = $"Set cleanup.policy of {name} to delete.";
        return name == _options.DeadLetterTopic
            ? new(Severity.Failure, "topic", $"{name} is compacted: it refuses dead letters without a key, and keeps one of each key", remedy)
            : new(Severity.Warning, "topic", $"{name} is compacted: results without a key become dead letters", remedy);
    }

    /// <summary>A dead letter is its event with headers.</summary>
    private Finding? LetterSize(string name, int limit)
    {
        var largest = LargestInput;
        var compressed = MayBeCompressed && !configuration.Compresses;
        var needed = Math.Max(largest, compressed ? input.MaxPayloadBytes : 0) + Headers;
        if (limit >= needed) return null;
        if (limit < Headers)
        {
            return new(
                Severity.Failure, "topic", $"{name} takes {Bytes(limit)} in one message, a dead letter without its payload may have {Bytes(Headers)}",
                $"One that does not fit ends the run, and again at each start: {Raise(name, needed)}.");
        }

        var severity = limit < largest ? Severity.Failure : Severity.Warning;
        var event_ = compressed && input.MaxPayloadBytes > largest
            ? $"an event that is compressed in its topic may have {Bytes(input.MaxPayloadBytes)}"
            : $"an event may have {Bytes(largest)}";
        return new(
            severity, "topic", $"{name} takes {Bytes(limit)} in one message, {event_}",
            $"The dead letter of a larger event is packed as gzip, or loses its payload: {Raise(name, needed)}{(compressed ? OrCompress : ".")}");
    }

    private Finding? ResultSize(string name, int limit)
    {
        var largest = LargestInput;
        var needed = Math.Max(largest, input.MaxPayloadBytes) + Headers;
        if (limit >= needed) return null;
        var consequence = name == _options.ReviewTopic ? "Copies of larger results are left out." : "Larger results become dead letters.";
        return new(
            limit < largest ? Severity.Warning : Severity.Ok, "topic",
            $"{name} takes {Bytes(limit)} in one message, an event may have {Bytes(Math.Max(largest, input.MaxPayloadBytes))}",
            $"{consequence} If such events are expected: {Raise(name, needed)}{(configuration.Compresses ? "." : OrCompress)}");
    }

    private const string OrCompress = ", or set Kafka:Producer:compression.type to zstd where its readers know that.";

    /// <summary>In its topic an event may take less than it has.</summary>
    private bool MayBeCompressed => _options.InputTopics.Any(t => settings.GetValueOrDefault(t)?.Compression != "uncompressed");

    private bool IsDenied(string name) => cluster.Unseen.GetValueOrDefault(name) == ErrorCode.TopicAuthorizationFailed;

    private bool May(string name, AclOperation operation) => details.GetValueOrDefault(name)?.May(operation) != false;

    private static string Raise(string name, long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"set max.message.bytes of {name} to {bytes} or more");

    private static string Bytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes");
}
