using System.Globalization;
using System.Net.Sockets;
using System.Net;
using System.Text.Json.Nodes;
using MtlStream.Host;
using MtlStream.IntegrationTests.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>When a worker's process exports its metrics for the first time. Its interval is an hour: what comes before is not the interval's.</summary>
public sealed class OpsFirstExportTests : IDisposable
{
    private const string Rejected = "mtlstream.events.rejected";

    private readonly CollectedWorker _collected = new();

    public void Dispose() => _collected.Dispose();

    [OpsFact(nameof(OpsTools.Collector))]
    public async Task Counters_are_exported_at_zero_before_anything_is_counted()
    {
        var port = await _collected.CollectAsync();
        using var worker = StartWorker(port);

        await Wait.Until(() => Exports(Rejected).Count > 0, log: () => worker.Log);
        using var topics = new Topics(_collected.BootstrapServers);
        topics.Write(new(CollectedWorker.Input, 0), new() { Value = Topics.Bytes("not json") });
        topics.Flush();
        topics.Read(CollectedWorker.DeadLetters, 1);
        await worker.StopAsync();

        await Wait.Until(() => Exports(Rejected).Count > 1, log: () => worker.Log);
        Assert.Equal([0, 1], Exports(Rejected).Select(e => e["malformed_payload"]));
        Assert.All(Exports(Rejected)[0].Values, value => Assert.Equal(0, value));
        Assert.All(
            new[] { "mtlstream.model.reloads", "mtlstream.kafka.commits", "mtlstream.kafka.rebalances", "mtlstream.batches.split", "mtlstream.task.low_confidence" },
            name => Assert.Equal(2, Exports(name).Count));
    }

    [Fact]
    public async Task A_collector_that_does_not_answer_does_not_hold_up_the_start()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();

        using var worker = StartWorker(((IPEndPoint)silent.LocalEndpoint).Port);

        using var export = await silent.AcceptTcpClientAsync().WaitAsync(TimeSpan.FromMinutes(2)); // and that is all that it gets
        await Wait.Until(worker.IsReady, log: () => worker.Log);
    }

    /// <summary>Three signals are left to send: each by itself would be waited for.</summary>
    [Fact]
    public async Task A_collector_that_does_not_answer_holds_up_the_end_for_no_longer_than_the_margin()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var worker = StartWorker(((IPEndPoint)silent.LocalEndpoint).Port, "otlp");
        await Wait.Until(worker.IsReady, log: () => worker.Log);
        using var topics = new Topics(_collected.BootstrapServers);
        topics.Write(new(CollectedWorker.Input, 0), new() { Value = Topics.Bytes("""{"text": "traced"}""") });
        topics.Flush();
        topics.Read(CollectedWorker.Output, 1);
        var stopped = TimeProvider.System.GetTimestamp();

        await worker.StopAsync();
        Assert.InRange(TimeProvider.System.GetElapsedTime(stopped), TimeSpan.Zero, RunCommand.ShutdownMargin);
    }

    private WorkerProcess StartWorker(int port, string tracesAndLogs = "none") => _collected.Start(
        "first-export",
        new()
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port}",
            ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "600000",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "3600000",
            ["OTEL_TRACES_EXPORTER"] = tracesAndLogs,
            ["OTEL_TRACES_SAMPLER"] = "always_on",
            ["OTEL_LOGS_EXPORTER"] = tracesAndLogs,
        },
        WorkerProcess.ToyModel);

    /// <summary>The values of a counter by <c>error.type</c> (empty without one) in each export that has it, oldest first.</summary>
    private List<Dictionary<string, long>> Exports(string counter) =>
    [
        .. from batch in OpsTools.Written(_collected.Folder, "metrics.jsonl")
        from resource in batch["resourceMetrics"]!.AsArray()
        from scope in resource!["scopeMetrics"]!.AsArray()
        from metric in scope!["metrics"]!.AsArray()
        where metric["name"]!.GetValue<string>() == counter
        select metric["sum"]!["dataPoints"]!.AsArray().GroupBy(p => OpsRun.Attributes(p!).GetValueOrDefault("error.type", "")).ToDictionary(g => g.Key, g => g.Sum(Value)),
    ];

    private static long Value(JsonNode? point) => long.Parse(point!["asInt"]!.ToString(), CultureInfo.InvariantCulture); // 64-bit integers are strings in OTLP's JSON
}
