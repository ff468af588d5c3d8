namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Brokers that refuse the client: the cause is said, by <c>doctor</c>, by the log and, without names, by the probe.</summary>
public sealed class UnreachableBrokersTests
{
    private const string Secret = "not-the-secret";

    /// <summary>What is set wrong, and what is said of it.</summary>
    public static TheoryData<string, string> Causes => new()
    {
        { "sasl.password", "the brokers refuse user and password" },
        { "sasl.username", "the brokers refuse user and password" },
        { "sasl.mechanism", "the brokers do not take this SASL mechanism" },
        { "ssl.ca.location", "is from an authority that this machine does not know" },
        { "sasl", "the brokers close a connection without a user" },
        { "no tls", "the brokers close a connection that is not encrypted" },
        { "tls", "the brokers' listener is not encrypted" },
        { "sasl on plain", "the brokers' listener takes no user and password" },
        { "host", "the host name of the brokers is not known" },
        { "port", "nothing listens at the brokers' address" },
    };

    [RealKafkaTheory]
    [MemberData(nameof(Causes))]
    public async Task The_cause_is_named_with_a_remedy_and_without_secrets(string wrong, string cause)
    {
        var settings = Settings(wrong);
        var arguments = settings.Select(s => $"--{s.Key}={s.Value}").ToArray();
        using var worker = WorkerProcess.Start(settings);
        var (code, said) = await OpsTools.RunAsync(
            Path.Combine(AppContext.BaseDirectory, "mtlstream"), ["doctor", .. arguments, "--Model:ConstantLabels=true", "--Http:Url=off"]);

        Assert.Equal(1, code);
        Assert.Contains(cause, said, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, said, StringComparison.Ordinal);

        await Wait.Until(() => worker.Log.Contains(cause, StringComparison.Ordinal), log: () => worker.Log);
        await Wait.Until(() => worker.ReadyBody()?.Contains(cause[..20], StringComparison.Ordinal) == true, log: () => worker.ReadyBody() ?? "");
        Assert.DoesNotContain("127.0.0.1", worker.ReadyBody(), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, worker.Log, StringComparison.Ordinal);
        worker.SendTerminate();
        Assert.True(await worker.EndedAsync(TimeSpan.FromMinutes(1)) == 0, worker.Log);
    }

    private static Dictionary<string, string> Settings(string wrong)
    {
        var secure = RealKafka.Shared.SaslSsl("PLAIN");
        var settings = new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = secure["bootstrap.servers"],
            ["Kafka:InputTopics:0"] = "in",
            ["Kafka:OutputTopic"] = "out",
            ["Kafka:DeadLetterTopic"] = "dead",
        };
        foreach (var (name, value) in secure.Where(s => s.Key != "bootstrap.servers")) settings[$"Kafka:Client:{name}"] = value;
        switch (wrong)
        {
            case "sasl.password" or "sasl.username": settings[$"Kafka:Client:{wrong}"] = Secret; break;
            case "sasl.mechanism": settings["Kafka:Client:sasl.mechanism"] = "SCRAM-SHA-256"; break;
            case "ssl.ca.location": settings.Remove("Kafka:Client:ssl.ca.location"); break;
            case "sasl": settings["Kafka:Client:security.protocol"] = "ssl"; break;
            case "no tls": settings["Kafka:Client:security.protocol"] = "plaintext"; break;
            case "tls": settings["Kafka:BootstrapServers"] = RealKafka.Shared.BootstrapServers; break;
            case "sasl on plain":
                settings["Kafka:BootstrapServers"] = RealKafka.Shared.BootstrapServers;
                settings["Kafka:Client:security.protocol"] = "sasl_plaintext";
                break;
            case "host": settings["Kafka:BootstrapServers"] = "no-such-host.invalid:9092"; break;
            default: settings["Kafka:BootstrapServers"] = "127.0.0.1:1"; break;
        }

        return settings;
    }
}
