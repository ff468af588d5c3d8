using MtlStream.IntegrationTests.Faults;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What operators change about the brokers while a worker runs: it follows without a restart.</summary>
public sealed class ClusterChangesTests : IDisposable
{
    private static readonly string[] s_topics = ["in", "out", "dead"];

    private readonly List<IDisposable> _ends = [];

    public void Dispose()
    {
        foreach (var end in Enumerable.Reverse(_ends)) end.Dispose();
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task A_broker_that_moves_to_another_address_is_found_there(string guarantee)
    {
        var port = RealKafka.FreePort();
        var (before, after) = (RealKafka.FreePort(), RealKafka.FreePort());
        var old = Ends(new LoopbackProxy(before, port));
        using var kafka = RealKafka.Start(port: port, advertised: before);
        var bootstrap = $"127.0.0.1:{port}";
        var worker = Ends(WorkerProcess.Start(Settings(bootstrap, guarantee)));
        using (var topics = new Topics(bootstrap))
        {
            topics.Create(s_topics, 1);
            await AnsweredAsync(topics, worker, 0, 100);
        }

        Ends(new LoopbackProxy(after, port));
        kafka.Readvertise(after);
        old.Dispose();
        using var moved = new Topics(bootstrap);
        await AnsweredAsync(moved, worker, 100, 100);

        await worker.StopAsync();
        Assert.Equal(200, moved.ReadAll("out").Count);
    }

    [RealKafkaFact]
    public async Task An_expired_certificate_is_named_and_a_renewed_one_lets_the_worker_go_on()
    {
        using var kafka = RealKafka.Start(secure: true);
        using (var before = new Topics(kafka.BootstrapServers)) before.Create(s_topics, 1);
        var client = kafka.SaslSsl("PLAIN");
        var settings = Settings(client["bootstrap.servers"], "AtLeastOnce");
        foreach (var (name, value) in client.Where(c => c.Key != "bootstrap.servers")) settings[$"Kafka:Client:{name}"] = value;

        kafka.Certify(until: DateTimeOffset.UtcNow.AddDays(-1));
        var worker = Ends(WorkerProcess.Start(settings));
        await Wait.Until(() => worker.Log.Contains("expired", StringComparison.Ordinal), log: () => worker.Log);
        Assert.False(worker.IsReady());

        kafka.Certify(until: DateTimeOffset.UtcNow.AddDays(1));
        using var topics = new Topics(kafka.BootstrapServers);
        await AnsweredAsync(topics, worker, 0, 100);

        await worker.StopAsync();
        Assert.Equal(100, topics.ReadAll("out").Count);
        Assert.DoesNotContain("tester-secret", worker.Log, StringComparison.Ordinal);
    }

    private static async Task AnsweredAsync(Topics topics, WorkerProcess worker, int before, int count)
    {
        for (var i = 0; i < count; i++) topics.Write(new("in", 0), new() { Value = Topics.Bytes($$"""{"text":"event {{before + i}}"}""") });
        topics.Flush();
        await Wait.Until(() => topics.Committed("changes", "in", 1)[0] >= before + count, log: () => worker.Log);
    }

    private static Dictionary<string, string> Settings(string bootstrap, string guarantee) => new()
    {
        ["Kafka:BootstrapServers"] = bootstrap,
        ["Kafka:GroupId"] = "changes",
        ["Kafka:InputTopics:0"] = "in",
        ["Kafka:OutputTopic"] = "out",
        ["Kafka:DeadLetterTopic"] = "dead",
        ["Delivery:Guarantee"] = guarantee,
    };

    private T Ends<T>(T one) where T : IDisposable
    {
        _ends.Add(one);
        return one;
    }
}
