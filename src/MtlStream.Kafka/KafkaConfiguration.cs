using System.Globalization;
using Microsoft.Extensions.Options;
using MtlStream.Delivery;

namespace MtlStream.Kafka;

/// <summary>The librdkafka properties of each client: defaults, then what the user set, then what the guarantee needs.</summary>
public sealed class KafkaConfiguration
{
    /// <summary>Below the session timeout (45 s by default), so that a transaction in limbo is over before the group moves on.</summary>
    private const int DefaultTransactionTimeoutMs = 15_000;
    private const int DefaultSessionTimeoutMs = 45_000;
    private const int DefaultMaxPollIntervalMs = 300_000;

    /// <summary>
    /// With the consumer protocol also how long the brokers wait for a member that owes them a partition. The thread that polls never
    /// waits for the model, so a member that does not give one up (seen with librdkafka 2.15 and Kafka 4.3) can be thrown out sooner;
    /// it joins anew.
    /// </summary>
    private const int ConsumerProtocolMaxPollIntervalMs = 120_000;

    private static readonly Dictionary<string, string> s_client = new()
    {
        ["client.id"] = "mtlstream",
        ["reconnect.backoff.max.ms"] = "2000",
        ["socket.keepalive.enable"] = "true",
        ["topic.metadata.refresh.interval.ms"] = "10000",
    };

    // It looks again by itself, so that there is no hurry to connect; and what does not answer at once is said soon.
    private static readonly Dictionary<string, string> s_admin = new()
    {
        ["reconnect.backoff.ms"] = "1000",
        ["socket.connection.setup.timeout.ms"] = "8000",
    };

    // Prefetching less than librdkafka's 100,000 messages and 64 MB: a pause throws away what was prefetched.
    private static readonly Dictionary<string, string> s_consumer = new()
    {
        ["auto.offset.reset"] = "earliest",
        ["fetch.max.bytes"] = "16777216", // of one answer, which is memory besides what is queued
        ["fetch.queue.backoff.ms"] = "20",
        ["queued.min.messages"] = "10000",
        ["queued.max.messages.kbytes"] = "16384",
        ["statistics.interval.ms"] = "5000", // the lag is told from them
    };

    private static readonly Dictionary<string, string> s_producer = new()
    {
        ["linger.ms"] = "10",
        // Payloads are sent from where they lie. Copied, each request's buffer is as large as all that waits for its partition, up to message.max.bytes.
        ["message.copy.max.bytes"] = "0",
        // A result is larger than its event and so is a dead letter: what an event may weigh is the topics' business. Below the queue, which has to take it.
        ["message.max.bytes"] = "67108864",
        ["partitioner"] = "murmur2_random",
        ["queue.buffering.max.kbytes"] = "131072",
    };

    /// <exception cref="OptionsValidationException">The settings contradict each other; the message names every contradiction.</exception>
    public KafkaConfiguration(KafkaOptions kafka, DeliveryOptions delivery)
    {
        Kafka = kafka;
        Delivery = delivery;
        TransactionalId = delivery.TransactionalId is { Length: > 0 } id
            ? id
            : $"{kafka.GroupId}-{Environment.MachineName}-{Guid.NewGuid().ToString("N")[..12]}";

        var consumerProtocol = string.Equals(LibrdkafkaProperties.Setting(kafka, "group.protocol"), "consumer", StringComparison.OrdinalIgnoreCase);
        SessionTimeout = consumerProtocol ? null : Milliseconds(LibrdkafkaProperties.Setting(kafka, "session.timeout.ms"), DefaultSessionTimeoutMs);
        var asked = LibrdkafkaProperties.Find(kafka.Producer, "transaction.timeout.ms") ?? LibrdkafkaProperties.Find(kafka.Client, "transaction.timeout.ms");
        var fitting = Math.Min(DefaultTransactionTimeoutMs, (int)(SessionTimeout?.TotalMilliseconds ?? DefaultSessionTimeoutMs) * 2 / 3);
        TransactionTimeout = Milliseconds(asked, fitting);
        if (Contradictions().ToList() is { Count: > 0 } problems) throw new OptionsValidationException("Kafka", typeof(KafkaOptions), problems);

        Admin = Merge(new(s_client.Concat(s_admin)), kafka.Client, new()
        {
            ["bootstrap.servers"] = kafka.BootstrapServers,
            ["allow.auto.create.topics"] = "false", // a topic that is looked for is not to come of it
        });
        Consumer = ConsumerProperties();
        Producer = ProducerProperties();
    }

    /// <summary>Version of the native client library.</summary>
    public static string ClientVersion => Confluent.Kafka.Library.VersionString;

    public KafkaOptions Kafka { get; }
    public DeliveryOptions Delivery { get; }
    public bool ExactlyOnce => Delivery.Guarantee == DeliveryGuarantee.ExactlyOnce;

    /// <summary>Names this worker's transactions; by default different for every process.</summary>
    public string TransactionalId { get; }

    public TimeSpan TransactionTimeout { get; }

    /// <summary>After how long without a heartbeat the group goes on without this worker; null when the broker alone decides.</summary>
    public TimeSpan? SessionTimeout { get; }

    /// <summary>What is sent is compressed, so that it takes less of a topic's limit than it has.</summary>
    internal bool Compresses => Producer.Any(p => p.Key is "compression.type" or "compression.codec" && p.Value != "none");

    /// <summary>The largest message that the producer sends, in bytes, with what its batch takes.</summary>
    internal int LargestMessage => int.Parse(Producer["message.max.bytes"], CultureInfo.InvariantCulture) + 1024;

    /// <summary>What the producer holds at most, in bytes: a larger message is never taken, and never refused.</summary>
    internal long QueueBytes => 1024L * int.Parse(Producer["queue.buffering.max.kbytes"], CultureInfo.InvariantCulture);

    internal IReadOnlyDictionary<string, string> Consumer { get; }
    internal IReadOnlyDictionary<string, string> Producer { get; }
    internal IReadOnlyDictionary<string, string> Admin { get; }

    private Dictionary<string, string> ConsumerProperties()
    {
        var needed = new Dictionary<string, string>
        {
            ["bootstrap.servers"] = Kafka.BootstrapServers,
            ["group.id"] = Kafka.GroupId,
            ["enable.auto.commit"] = ExactlyOnce ? "false" : "true", // commits what was stored, and only acknowledged offsets are stored
            ["enable.auto.offset.store"] = "false",
            ["auto.commit.interval.ms"] = ((int)Delivery.CommitInterval.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            ["isolation.level"] = "read_committed",
        };
        var defaults = new Dictionary<string, string>(s_client.Concat(s_consumer));
        if (SessionTimeout is { } session) // null: the broker's business
        {
            defaults["partition.assignment.strategy"] = "cooperative-sticky";
            defaults["heartbeat.interval.ms"] = Math.Min(3000, (int)session.TotalMilliseconds / 3).ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            defaults["max.poll.interval.ms"] = ConsumerProtocolMaxPollIntervalMs.ToString(CultureInfo.InvariantCulture);
        }

        return Merge(Merge(defaults, Kafka.Client, []), Kafka.Consumer, needed);
    }

    private Dictionary<string, string> ProducerProperties()
    {
        var needed = new Dictionary<string, string>
        {
            ["bootstrap.servers"] = Kafka.BootstrapServers,
            ["enable.idempotence"] = "true",
            ["acks"] = "all",
            ["dotnet.producer.delivery.report.fields"] = "none", // whether and why it failed is always there
        };
        if (ExactlyOnce)
        {
            needed["transactional.id"] = TransactionalId;
            needed["transaction.timeout.ms"] = ((int)TransactionTimeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        }

        var defaults = new Dictionary<string, string>(s_client.Concat(s_producer));
        // A message that is given up after a while would come again behind the ones after it: keep trying, the drain time-out ends it.
        if (!ExactlyOnce) defaults["message.timeout.ms"] = "0";
        return Merge(Merge(defaults, Kafka.Client, []), Kafka.Producer, needed);
    }

    private IEnumerable<string> Contradictions()
    {
        if (!ExactlyOnce) yield break;
        if (SessionTimeout is { } session && TransactionTimeout >= session)
        {
            yield return $"Kafka:Producer:transaction.timeout.ms ({TransactionTimeout.TotalMilliseconds:0}) is not below session.timeout.ms "
                + $"({session.TotalMilliseconds:0}): another worker could take over a partition while a transaction over it is still open.";
        }

        var pollInterval = Milliseconds(
            LibrdkafkaProperties.Setting(Kafka, "max.poll.interval.ms"), SessionTimeout is null ? ConsumerProtocolMaxPollIntervalMs : DefaultMaxPollIntervalMs);
        if (2 * TransactionTimeout >= pollInterval)
        {
            yield return $"Kafka:Producer:transaction.timeout.ms ({TransactionTimeout.TotalMilliseconds:0}) is not below half of max.poll.interval.ms "
                + $"({pollInterval.TotalMilliseconds:0}): a commit that is waited for would cost the worker its place in the group.";
        }

        if (Delivery.CommitInterval >= TransactionTimeout)
        {
            yield return $"Delivery:CommitInterval ({Delivery.CommitInterval}) is not below the transaction timeout "
                + $"({TransactionTimeout}): the broker would abort every transaction.";
        }
    }

    private static Dictionary<string, string> Merge(
        Dictionary<string, string> defaults, IReadOnlyDictionary<string, string> users, Dictionary<string, string> needed)
    {
        var merged = new Dictionary<string, string>(defaults);
        foreach (var (name, value) in users) merged[LibrdkafkaProperties.Normalize(name)] = value;
        foreach (var (name, value) in needed) merged[name] = value;
        return merged;
    }

    private static TimeSpan Milliseconds(string? value, int otherwise) =>
        TimeSpan.FromMilliseconds(int.TryParse(value, CultureInfo.InvariantCulture, out var parsed) ? parsed : otherwise);
}
