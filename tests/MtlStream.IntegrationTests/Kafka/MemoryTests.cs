using System.IO.Compression;
using System.Text;
using Xunit.Abstractions;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What a worker takes at most, with the shipped model and default limits: what docs/operations.md plans with.</summary>
/// <remarks>Memory only; how fast it is says nothing here. The table: tests/results/memory.md.</remarks>
public sealed class MemoryTests(ITestOutputHelper output) : OnRealKafka
{
    private const int Partitions = 4;
    private const long PlanBytes = 600L << 20;

    // What the runtime makes of a container's memory limit: three quarters of it for objects.
    private static readonly Dictionary<string, string> s_asInAContainer = new() { ["DOTNET_GCHeapHardLimit"] = $"{PlanBytes / 4 * 3:X}" };

    [RealKafkaTheory]
    [InlineData("60,000 events of 6 kB", 60_000, 6_000, false, 100)]
    [InlineData("16 texts of 12 MB", 16, 12_000_000, false, 16)]
    [InlineData("60 events of 50 kB that unpack to 12 MB", 60, 12_000_000, true, 60)]
    public async Task A_backlog_takes_no_more_than_is_planned_for(string what, int events, int bytes, bool packed, int until)
    {
        _topics.Create([_input, _output, _letters], Partitions, ("max.message.bytes", "40000000"));
        var payload = Payload(bytes, packed);
        for (var i = 0; i < events; i++) _topics.Write(new(_input, i % Partitions), new() { Value = payload });
        _topics.Flush();

        var settings = Settings("AtLeastOnce");
        settings["Model:Device"] = "cpu";
        var worker = Started(WorkerProcess.Start(settings, model: "", environment: s_asInAContainer));
        await Wait.Until(() => worker.HasExited || Committed(Partitions) >= until, TimeSpan.FromMinutes(8), () => worker.Log);

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
