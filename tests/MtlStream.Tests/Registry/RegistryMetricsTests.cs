using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Events;
using MtlStream.Registry;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Events;

namespace MtlStream.Tests.Registry;

/// <summary>What is measured of the registry: requests, the schemas that are kept, and those that are waited for.</summary>
public sealed class RegistryMetricsTests
{
    private const string Review = """{"type":"record","name":"Review","fields":[{"name":"text","type":"string"}]}""";

    [Fact]
    public async Task Requests_schemas_kept_and_schemas_waited_for_are_measured()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        registry.Fault = StandInRegistry.Always(503);
        using var meters = new MeterRecorder();
        var time = new FakeTimeProvider();
        var settings = new RegistrySettings(new() { Url = registry.Url, AutoRegister = true }, new(), new(), RegistryRun.Shape, "out");
        using var codec = new RegistryCodec(settings, meters, time, NullLoggerFactory.Instance);
        var decoder = new EventDecoder(new(), codec);

        Decoded Decode() => decoder.Decode(Codec.Record(RegistryRun.Framed(1, [8, .. "good"u8]), []));

        Assert.NotNull(Decode().NotNow);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), Until(() => codec.Trouble is not null));
        Assert.Equal(1, meters.Of("mtlstream.registry.waiting")[^1].Value);
        registry.Fault = _ => null;
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), Until(() => Decode().Event is not null));

        Assert.Equal(0, meters.Of("mtlstream.registry.waiting")[^1].Value);
        Assert.Equal(1, meters.Of("mtlstream.registry.schemas")[^1].Value);
        var requests = meters.Of("mtlstream.registry.request.duration").Select(t => $"{t.Tags["mtlstream.registry.request"]} {t.Tags["mtlstream.outcome"]}").ToList();
        Assert.Equal("get failed", requests[0]);
        Assert.Equal(["get answered", "find answered", "register answered"], requests.SkipWhile(r => r == "get failed"));
    }

    private static async Task Until(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(5);
    }
}
