namespace MtlStream.Kafka;

/// <summary>What users may set of librdkafka, what is refused and why, and which values are never shown.</summary>
internal static class LibrdkafkaProperties
{
    private const string Guarantee = "the delivery guarantee rests on it";

    private static readonly Dictionary<string, string> s_refused = new()
    {
        ["bootstrap.servers"] = "set Kafka:BootstrapServers",
        ["metadata.broker.list"] = "set Kafka:BootstrapServers",
        ["group.id"] = "set Kafka:GroupId",
        ["enable.auto.commit"] = $"offsets are committed only behind delivery reports; {Guarantee}",
        ["enable.auto.offset.store"] = $"an offset is stored only once everything before it is published; {Guarantee}",
        ["auto.commit.interval.ms"] = "set Delivery:CommitInterval",
        ["auto.commit.enable"] = $"offsets are committed only behind delivery reports; {Guarantee}",
        ["enable.idempotence"] = $"retries must neither duplicate nor reorder; {Guarantee}",
        ["acks"] = $"a result counts as published when all in-sync replicas have it; {Guarantee}",
        ["request.required.acks"] = $"a result counts as published when all in-sync replicas have it; {Guarantee}",
        ["isolation.level"] = $"events of aborted transactions must not be read; {Guarantee}",
        ["transactional.id"] = "set Delivery:Guarantee and Delivery:TransactionalId",
        ["delivery.report.only.error"] = $"every delivery report is needed; {Guarantee}",
        ["dotnet.producer.enable.delivery.reports"] = $"every delivery report is needed; {Guarantee}",
        ["dotnet.producer.delivery.report.fields"] = $"every delivery report is needed; {Guarantee}",
        ["dotnet.producer.enable.background.poll"] = $"every delivery report is needed; {Guarantee}",
        ["dotnet.consumer.consume.result.fields"] = "headers and timestamps are carried to the output",
        ["allow.auto.create.topics"] = "topics are created by Kafka:CreateTopics only",
    };

    private static readonly HashSet<string> s_brokersBusinessInConsumerProtocol =
        ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type"];

    /// <summary>The name as librdkafka has it; underscores count as dots, so that environment variables can carry it.</summary>
    public static string Normalize(string name) => name.Trim().ToLowerInvariant().Replace('_', '.');

    /// <summary>True for passwords, private keys and tokens, whose values appear in no message.</summary>
    public static bool IsSecret(string name) =>
        name.Contains("password", StringComparison.Ordinal) || name.Contains("secret", StringComparison.Ordinal)
        || name.Contains("key.pem", StringComparison.Ordinal) || name.Contains("assertion", StringComparison.Ordinal)
        || name is "ssl.key" or "sasl.oauthbearer.config" or "sasl.jaas.config" or "ssl_key";

    /// <summary>A text of the client's, in which no secret value of its settings is left. Shorter ones than four letters are no secrets.</summary>
    public static string WithoutSecrets(string text, IReadOnlyDictionary<string, string> properties)
    {
        foreach (var (name, value) in properties)
        {
            if (value.Length >= 4 && IsSecret(name)) text = text.Replace(value, "***", StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>Everything wrong with the three dictionaries, one sentence each.</summary>
    public static IEnumerable<string> Problems(KafkaOptions options)
    {
        var consumerProtocol = Setting(options, "group.protocol") is { } protocol && protocol.Equals("consumer", StringComparison.OrdinalIgnoreCase);
        foreach (var (section, settings) in new[] { ("Consumer", options.Consumer), ("Producer", options.Producer), ("Client", options.Client) })
        {
            foreach (var group in settings.GroupBy(s => Normalize(s.Key)))
            {
                var (name, where) = (group.Key, $"Kafka:{section}:{group.Key}");
                if (group.Count() > 1)
                    yield return $"{where} is set {group.Count()} times: {string.Join(", ", group.Select(g => g.Key))}.";
                else if (s_refused.TryGetValue(name, out var reason))
                    yield return $"{where} cannot be set: {reason}.";
                else if (consumerProtocol && section != "Producer" && s_brokersBusinessInConsumerProtocol.Contains(name))
                    yield return $"{where} cannot be set with group.protocol=consumer: it is the broker's business then (group.consumer.* there).";
                else if (!name.StartsWith("dotnet.", StringComparison.Ordinal) && NativeConfiguration.Refusal(name, group.First().Value) is { } refusal)
                    yield return $"{where}: {(IsSecret(name) ? "librdkafka refuses its value" : refusal)}.";
            }
        }
    }

    /// <summary>A consumer setting as the user gave it, or null.</summary>
    public static string? Setting(KafkaOptions options, string name) => Find(options.Consumer, name) ?? Find(options.Client, name);

    /// <summary>A value by its normalized name, or null.</summary>
    public static string? Find(IReadOnlyDictionary<string, string> settings, string name) =>
        settings.Where(s => Normalize(s.Key) == name).Select(s => s.Value).FirstOrDefault();
}
