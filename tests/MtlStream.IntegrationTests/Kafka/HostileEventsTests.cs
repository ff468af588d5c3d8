using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The worker's own process and what it has to withstand, against the embedded cluster.</summary>
public sealed class HostileEventsTests
{
    private const int Partitions = 4;

    [Theory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task Each_becomes_what_it_should_and_none_loses_a_neighbour(string guarantee)
    {
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, Partitions);
        using var topics = new Topics(cluster.BootstrapServers);
        var written = HostileEvents.Write(topics, "in", Partitions);
        var settings = new Dictionary<string, string>(HostileEvents.RaisedLimits)
        {
            ["Kafka:BootstrapServers"] = cluster.BootstrapServers,
            ["Kafka:InputTopics:0"] = "in",
            ["Kafka:OutputTopic"] = "out",
            ["Kafka:DeadLetterTopic"] = "dead",
            ["Delivery:Guarantee"] = guarantee,
            ["Model:Device"] = "cpu",
        };

        using var worker = WorkerProcess.Start(settings, WorkerProcess.ToyModel);
        await Wait.Until(() => topics.ReadAll("out").Count + topics.ReadAll("dead").Count >= written, TimeSpan.FromMinutes(2), () => worker.Log);
        await worker.StopAsync();
        HostileEvents.AssertAnswered(written, Partitions, topics.ReadAll("out"), topics.ReadAll("dead"));
    }
}
