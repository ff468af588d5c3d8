using System.IO.Compression;
using System.Text;
using Xunit.Abstractions;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What a worker takes at most, with the shipped model and default limits: what docs/operations.md plans with.</summary>
/// <remarks>Memory only; how fast it is says nothing here. The table: tests/results/memory.md.</remarks>
[Trait("Category", "RealKafka")]
public sealed class MemoryTests(RealKafkaFixture fixture, ITestOutputHelper output) : IClassFixture<RealKafkaFixture>
{
    private const long PlanBytes = 600L << 20;

    // What the runtime makes of a container's memory limit: three quarters of it for objects.
    private static readonly Dictionary<string, string> s_asInAContainer = new() { ["DOTNET_GCHeapHardLimit"] = $"{PlanBytes / 4 * 3:X}" };

    private readonly string _input = Topics.Unique("input");
    private readonly string _group = Topics.Unique("group");

    [RealKafkaTheory]
    [InlineData("60,000 events of 6 kB", 60_000, 6_000, false, 100)]
    [InlineData("16 texts of 12 MB", 16, 12_000_000, false, 16)]
    [InlineData("60 events of 50 kB that unpack to 12 MB", 60, 12_000_000, true, 60)]
    public async Task A_backlog_takes_no_more_than_is_planned_for(string what, int events, int bytes, bool packed, int until)
    {
        using var topics = new Topics(fixture.Kafka.BootstrapServers);
        var (results, letters) = (Topics.Unique("output"), Topics.Unique("letters"));
        foreach (var topic in new[] { _input, results, letters }) fixture.Kafka.CreateTopic(topic, 4, "max.message.bytes=40000000");
        var payload = Payload(bytes, packed);
        for (var i = 0; i < events; i++) topics.Write(new(_input, i % 4), new() { Value = payload });
        topics.Flush();

        using var worker = WorkerProcess.Start(
            new Dictionary<string, string>
            {
                ["Kafka:BootstrapServers"] = fixture.Kafka.BootstrapServers,
                ["Kafka:GroupId"] = _group,
                ["Kafka:InputTopics:0"] = _input,
                ["Kafka:OutputTopic"] = results,
                ["Kafka:DeadLetterTopic"] = letters,
                ["Model:Device"] = "cpu",
            },
            model: "", environment: s_asInAContainer);
        await Wait.Until(
            () => worker.HasExited || topics.Committed(_group, _input, 4).Sum(o => Math.Max(0, o)) >= until, TimeSpan.FromMinutes(8), () => worker.Log);

        Assert.False(worker.HasExited, worker.Log);
        output.WriteLine($"{what}: {worker.PeakBytes >> 20} MiB");
        Assert.InRange(worker.PeakBytes, 1, PlanBytes);
        worker.SendKill();
    }

    private static byte[] Payload(int bytes, bool packed)
    {
        var text = new StringBuilder("{\"text\":\"");
        while (text.Length < bytes - 2) text.Append("The quick brown fox met Angela Merkel in Leipzig and was delighted. ");
        var json = Topics.Bytes(text.Append("\"}").ToString());
        if (!packed) return json;
        var gzip = new MemoryStream();
        using (var stream = new GZipStream(gzip, CompressionLevel.Optimal)) stream.Write(json);
        return gzip.ToArray();
    }
}
