using System.Text;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>What the garbage collector gets of an event of ten fields; <c>RegistryCodecBenchmarks</c> has the time.</summary>
public sealed class RegistryAllocationTests
{
    private const int Events = 500;

    private const string Avro =
        """{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"shop","type":"string"},{"name":"stars","type":"int"},{"name":"price","type":["null","double"]},{"name":"lang","type":"string"},{"name":"text","type":"string"},{"name":"verified","type":"boolean"},{"name":"at","type":"long"},{"name":"tags","type":{"type":"array","items":"string"}},{"name":"author","type":["null","string"]}]}""";

    private const string Proto =
        """syntax = "proto3"; message R { int64 id = 1; string shop = 2; int32 stars = 3; double price = 4; string lang = 5; string text = 6; bool verified = 7; int64 at = 8; repeated string tags = 9; string author = 10; }""";

    [Fact]
    public async Task An_answer_in_kind_leaves_no_more_behind_than_one_in_json()
    {
        var registry = new TableRegistry();
        registry.Add(7, Avro);
        registry.Add(8, Proto, SchemaType.Protobuf);
        using var run = new RegistryRun(registry);
        var json = """{"id":4711,"shop":"berlin","stars":5,"price":12.5,"lang":"en","text":"a good day","verified":true,"at":9,"tags":["a","b"],"author":"anna"}"""u8.ToArray();
        var avro = RegistryRun.Framed(
            7, [2, 12, .. "berlin"u8, 10, 2, .. BitConverter.GetBytes(12.5), 4, .. "en"u8, 20, .. "a good day"u8, 1, 18, 4, 2, (byte)'a', 2, (byte)'b', 0, 2, 8, .. "anna"u8]);
        var message = new ProtoBytes().Varint(1, 4711).Text(2, "berlin").Varint(3, 5).Double(4, 12.5).Text(5, "en").Text(6, "a good day").Varint(7, 1).Varint(8, 9)
            .Text(9, "a").Text(9, "b").Text(10, "anna");
        var proto = RegistryRun.Framed(8, [0, .. message.All]);
        foreach (var payload in new[] { json, avro, proto }) Assert.Equal("a good day", await run.TextAsync(payload));

        var most = BytesOf(run, json);

        Assert.InRange(BytesOf(run, avro), 1, most);
        Assert.InRange(BytesOf(run, proto), 1, most);
    }

    /// <summary>Of one event, read and answered.</summary>
    private static double BytesOf(RegistryRun run, byte[] payload)
    {
        var analysis = Encoding.UTF8.GetBytes(RegistryRun.Analysis);
        var before = 0L;
        for (var i = -10; i < Events; i++)
        {
            if (i == 0) before = GC.GetAllocatedBytesForCurrentThread();
            using var decoded = run.DecodeNow(payload).Event!;
            decoded.Envelope.Codec!.Answer(decoded, new(analysis, RegistryRun.Shape));
        }
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / Events;
    }
}
