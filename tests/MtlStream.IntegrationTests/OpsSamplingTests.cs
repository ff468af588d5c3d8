using System.Text;
using Confluent.Kafka;
using MtlStream.IntegrationTests.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>Which events a worker's process traces, by <c>OTEL_TRACES_SAMPLER</c>: what a real Collector gets, and what results carry on.</summary>
public sealed class OpsSamplingTests : IDisposable
{
    private const int Each = 60; // events that came with a sampled trace, with one that is not sampled, and without a trace

    private readonly CollectedWorker _collected = new();

    public void Dispose() => _collected.Dispose();

    /// <param name="sampler">Null: the variable is not set, and of the events that come without a trace one in a thousand gets one.</param>
    /// <param name="sampled">Share of the events that are traced, of those that came with a sampled trace.</param>
    /// <param name="unsampled">Of those that came with a trace that is not sampled.</param>
    /// <param name="without">Of those that came without a trace.</param>
    [SamplerTheory]
    [InlineData(null, null, "grpc", 1, 0, 0.001)]
    [InlineData("always_off", null, "grpc", 0, 0, 0)]
    [InlineData("always_on", null, "http/protobuf", 1, 1, 1)]
    [InlineData("parentbased_traceidratio", "1", "grpc", 1, 0, 1)]
    [InlineData("parentbased_traceidratio", "0", "grpc", 1, 0, 0)]
    [InlineData("traceidratio", "0.5", "http/protobuf", 0.5, 0.5, 0.5)]
    public async Task The_sampler_that_the_environment_names_decides_what_is_traced(
        string? sampler, string? argument, string protocol, double sampled, double unsampled, double without)
    {
        var port = await _collected.CollectAsync(http: protocol != "grpc");
        using var worker = StartWorker(port, protocol, sampler, argument);
        using var topics = new Topics(_collected.BootstrapServers);
        Send(topics);

        var results = topics.Read(CollectedWorker.Output, 3 * Each);
        await worker.StopAsync();

        var traced = results.Where(r => OpsRun.TraceOf(r) is { } trace && !Sent(r).Contains(trace.SpanId, StringComparison.Ordinal)).ToLookup(Kind, r => OpsRun.TraceOf(r)!.Value.TraceId);
        AssertShare(sampled, traced["01"].Count());
        AssertShare(unsampled, traced["00"].Count());
        AssertShare(without, traced[""].Count());
        var expected = traced.SelectMany(ids => ids).Order().ToList();
        await Wait.Until(() => ProcessSpans().Count >= expected.Count, log: () => worker.Log);
        Assert.Equal(expected, ProcessSpans());
    }

    // By chance: half of 60 is outside of 10 to 50, and a thousandth of them above 5, less than once in a million runs.
    private static void AssertShare(double share, int found)
    {
        var (least, most) = share switch { 0.5 => (10, 50), 0.001 => (0, 5), _ => ((int)share * Each, (int)share * Each) };
        Assert.InRange(found, least, most);
    }

    private static void Send(Topics topics)
    {
        for (var i = 0; i < 3 * Each; i++)
        {
            var flags = new[] { "01", "00", "" }[i % 3];
            // Ids whose last seven bytes are evenly spread, because that is what the ratio of a sampler goes by.
            var trace = flags.Length == 0 ? "" : $"00-{Guid.NewGuid():N}-{Random.Shared.NextInt64(1, long.MaxValue):x16}-{flags}";
            var headers = new Headers { { "sent", Topics.Bytes(trace) } };
            if (trace.Length > 0) headers.Add("traceparent", Topics.Bytes(trace));
            topics.Write(new(CollectedWorker.Input, 0), new() { Value = Topics.Bytes($$"""{"text": "event {{i}}"}"""), Headers = headers });
        }

        topics.Flush();
    }

    /// <summary>The <c>traceparent</c> that the event came with.</summary>
    private static string Sent(ConsumeResult<byte[]?, byte[]?> result) => Encoding.UTF8.GetString(result.Message.Headers.GetLastBytes("sent"));

    private static string Kind(ConsumeResult<byte[]?, byte[]?> result) => Sent(result) is { Length: > 0 } trace ? trace[^2..] : "";

    private WorkerProcess StartWorker(int port, string protocol, string? sampler, string? argument)
    {
        var environment = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port}",
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol,
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        };
        if (sampler is not null) environment["OTEL_TRACES_SAMPLER"] = sampler;
        if (argument is not null) environment["OTEL_TRACES_SAMPLER_ARG"] = argument;
        return _collected.Start("sampling", environment);
    }

    /// <summary>Trace ids of the spans that the Collector got of events, in order.</summary>
    private List<string> ProcessSpans() =>
    [
        .. from batch in OpsTools.Written(_collected.Folder, "traces.jsonl")
        from resource in batch["resourceSpans"]!.AsArray()
        from scope in resource!["scopeSpans"]!.AsArray()
        from span in scope!["spans"]!.AsArray()
        where span["name"]!.GetValue<string>() == $"process {CollectedWorker.Input}"
        orderby span["traceId"]!.GetValue<string>()
        select span["traceId"]!.GetValue<string>(),
    ];

    /// <summary>As <see cref="OpsFactAttribute"/>, for a theory that needs the Collector.</summary>
    private sealed class SamplerTheoryAttribute : TheoryAttribute
    {
        public SamplerTheoryAttribute() => Skip = new OpsFactAttribute(nameof(OpsTools.Collector)).Skip;
    }
}
