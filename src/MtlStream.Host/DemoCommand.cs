using System.CommandLine;
using System.Text.Json;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Host.Demo;
using MtlStream.Host.Studio;
using MtlStream.Kafka;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream demo</c>: the worker's pipeline against a broker inside this process.</summary>
internal static class DemoCommand
{
    private const double DefaultRate = 25;

    /// <summary>How long nothing may come back before the demo gives up.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <param name="Events">Null for no end.</param>
    /// <param name="Rate">Events per second; null for 25 without an end, and as fast as they come back with one.</param>
    /// <param name="Port">Of the page, 0 for a free one; null for no page.</param>
    internal sealed record Request(long? Events, double? Rate, bool Json, ModelOptions Model, int? Port = null)
    {
        /// <summary>Folders of packages that write a text about each event, by the name that results give to it.</summary>
        public IReadOnlyDictionary<string, string> Generate { get; init; } = new Dictionary<string, string>();
    }

    public static Command Build()
    {
        var events = new Option<long?>("--events") { Description = "Ends after this many events; without it on Ctrl+C.", HelpName = "N" };
        var rate = new Option<double?>("--rate") { Description = "Events per second; without it 25, or with --events as fast as they come back.", HelpName = "R" };
        var port = new Option<int?>("--port") { Description = "Port of the page on this machine; without it a free one, and with --events no page.", HelpName = "N" };
        var (json, model, device, generate) = (CommonOptions.JsonReport(), CommonOptions.Model(), CommonOptions.Device(), GenerateOption.Build());
        events.Validators.Add(given => CommonOptions.RequirePositive(given, "--events"));
        rate.Validators.Add(given => CommonOptions.RequirePositive(given, "--rate"));
        var command = new CliCommand(
            "demo", "Runs the pipeline against an embedded broker with sample events, and shows what it does. Exit code 0: every event came back.",
            "mtlstream demo",
            "mtlstream demo --events 500 --json")
        {
            events, rate, port, json, model, generate, device,
        };
        command.SetAction((parsed, stopping) => RunAsync(
            new(
                parsed.GetValue(events), parsed.GetValue(rate), parsed.GetValue(json),
                new() { Path = parsed.GetRequiredValue(model), Device = parsed.GetRequiredValue(device) },
                parsed.GetValue(port) ?? (parsed.GetValue(events) is null ? 0 : null)) { Generate = GenerateOption.FoldersOf(parsed.GetValue(generate)) },
            Console.Out, stopping));
        return command;
    }

    internal static async Task<int> RunAsync(Request request, TextWriter output, CancellationToken stopping)
    {
        using var tool = new ToolServices();
        using var loaded = tool.Models.Load(request.Model, new TokenizationOptions()).Beside(request.Generate, tool, offered: request.Port is not null);
        using var cluster = new MockCluster();
        foreach (var topic in new[] { DemoTraffic.InputTopic, DemoTraffic.OutputTopic, DemoTraffic.DeadLetterTopic })
            cluster.CreateTopic(topic, DemoTraffic.Partitions);

        await using var page = request.Port is { } port ? await LocalPage.StartAsync(tool, loaded, port, new InputOptions()) : null;
        if (page is not null) await Console.Error.WriteLineAsync($"The page: {page.Address}");
        var tally = new DemoTally(tool.Time);
        var view = new DemoView(tally, tool.Time);
        using var done = new CancellationTokenSource();
        var live = !request.Json && !Console.IsOutputRedirected;
        if (live && request.Events is null) page?.OpenInBrowser();
        var shown = live ? view.RunLiveAsync(done.Token) : view.RunPlainAsync(request.Json ? Console.Error : output, done.Token);
        try
        {
            await RunWorkerAsync(request, tool.Pipelines, loaded, page, cluster.BootstrapServers, tally, stopping);
        }
        finally
        {
            await done.CancelAsync();
            await shown;
        }

        var report = tally.Report();
        if (!request.Json) await output.WriteLineAsync(view.Status());
        if (tally.Away > 0) await Console.Error.WriteLineAsync($"mtlstream: {tally.Away} of {report.Produced} events did not come back.");
        if (request.Json) await output.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
        return tally.Away > 0 ? ExitCodes.Failed : ExitCodes.Done;
    }

    private static async Task RunWorkerAsync(
        Request request, PipelineAssembly assembly, LoadedModel loaded, LocalPage? page, string bootstrapServers, DemoTally tally, CancellationToken stopping)
    {
        var delivery = new DeliveryOptions();
        var kafkaOptions = new KafkaOptions
        {
            BootstrapServers = bootstrapServers,
            GroupId = "demo",
            InputTopics = [DemoTraffic.InputTopic],
            OutputTopic = DemoTraffic.OutputTopic,
            DeadLetterTopic = DemoTraffic.DeadLetterTopic,
            // The embedded broker answers a fetch when this time is over, not when an event arrives.
            Consumer = new Dictionary<string, string> { ["fetch.wait.max.ms"] = "10" },
        };
        var clients = new KafkaConfiguration(kafkaOptions, delivery);
        var connection = new KafkaConnection(clients, new KafkaStatus(), new KafkaMetrics(assembly.Meters), assembly.Time, assembly.Loggers);
        await using var kafka = page is null ? connection : page.Watched(connection);
        using var enough = new CancellationTokenSource();
        var pipeline = assembly
            .Pipeline(page?.Stream ?? loaded, kafka, new InputOptions(), new OutputOptions(), new(new(), new(), delivery), page?.Watch)
            .RunAsync(enough.Token);

        // The worker is told to stop only when everything has come back: the demo's own stop is the end of producing.
        var traffic = new DemoTraffic(clients, tally, assembly.Time);
        using var collected = new CancellationTokenSource();
        var collecting = Task.Run(() => traffic.Collect(collected.Token), CancellationToken.None);
        using var producing = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var rate = request.Rate ?? (request.Events is null ? DefaultRate : 0);
        var produced = traffic.ProduceAsync(request.Events, rate, producing.Token);
        try
        {
            await Task.WhenAny(ReturnedAsync(produced, tally, assembly.Time), pipeline);
        }
        finally
        {
            await producing.CancelAsync();
            await enough.CancelAsync();
            await collected.CancelAsync();
        }

        await pipeline;
        await produced;
        await collecting;
    }

    /// <summary>Completes when all that was produced came back, or nothing has for a long time.</summary>
    internal static async Task ReturnedAsync(Task produced, DemoTally tally, TimeProvider time)
    {
        var (last, since) = (-1L, time.GetTimestamp());
        while (!produced.IsCompleted || tally.Away > 0)
        {
            var returned = tally.Returned;
            if (returned != last || tally.Away == 0) (last, since) = (returned, time.GetTimestamp());
            if (tally.Away > 0 && time.GetElapsedTime(since) > s_patience) return;
            await Task.Delay(TimeSpan.FromMilliseconds(10), time);
        }
    }
}
