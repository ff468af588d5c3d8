using System.Diagnostics;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>A broker with a worker's three topics, a folder, and a real Collector that writes what it gets into it.</summary>
internal sealed class CollectedWorker : IDisposable
{
    public const string Input = "comments", Output = "comments-enriched", DeadLetters = "comments-rejected";

    private readonly MockCluster _cluster = new();
    private Process? _collector;

    public CollectedWorker()
    {
        foreach (var topic in new[] { Input, Output, DeadLetters }) _cluster.CreateTopic(topic, 1);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("mtlstream-collected").FullName;

    public string BootstrapServers => _cluster.BootstrapServers;

    /// <summary>Returns the port on which the Collector listens.</summary>
    public async Task<int> CollectAsync(bool http = false)
    {
        var port = OpsTools.FreePort();
        _collector = http ? OpsTools.StartCollector(Folder, http: port) : OpsTools.StartCollector(Folder, grpc: port);
        await Wait.Until(() => OpsTools.Listens(port));
        return port;
    }

    /// <summary>A worker on these topics.</summary>
    public WorkerProcess Start(string group, Dictionary<string, string> environment, string? model = null) => WorkerProcess.Start(
        new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = BootstrapServers,
            ["Kafka:GroupId"] = group,
            ["Kafka:InputTopics:0"] = Input,
            ["Kafka:OutputTopic"] = Output,
            ["Kafka:DeadLetterTopic"] = DeadLetters,
        }, model, environment);

    public void Dispose()
    {
        _collector?.Kill();
        _collector?.WaitForExit();
        _collector?.Dispose();
        _cluster.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
