using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Bench;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Worker;
using MtlStream.Kafka;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench kafka</c>: the worker from topic to topic, against the model alone and against a bare loop of the same client.</summary>
internal static class BenchKafkaCommand
{
    private const string Embedded = "embedded";

    public static Command Build()
    {
        var bootstrap = new Option<string>("--bootstrap") { Description = "Brokers to measure with; topics are created and removed. embedded: a broker in this process, filled while it is read.", HelpName = "HOST:PORT", Required = true };
        var nullModel = BenchOptions.NullModel();
        var delivery = new Option<string>("--delivery") { Description = "The guarantee; exactly-once is measured in turn with at-least-once.", DefaultValueFactory = _ => "at-least-once" };
        delivery.AcceptOnlyFromAmong("at-least-once", "exactly-once");
        var partitions = new Option<int>("--partitions") { Description = "Partitions of every topic.", HelpName = "N", DefaultValueFactory = _ => 4 };
        var workers = new Option<int>("--workers") { Description = "Workers of one group, in this process.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var rate = new Option<double>("--rate") { Description = "Events per second at which latency is measured; without it 70 % of the rate measured.", HelpName = "R" };
        var paced = new Option<double>("--paced-seconds") { Description = "How long latency is measured.", HelpName = "S", DefaultValueFactory = _ => 10 };
        var samples = new Option<string?>("--samples") { Description = "CSV file for what is acknowledged over time while latency is measured.", HelpName = "FILE" };
        var (input, model, device, json) = (CommonOptions.Input(), CommonOptions.Model(), CommonOptions.Device(), CommonOptions.JsonReport());
        var (events, seconds, repetitions) = (BenchOptions.Events(), BenchOptions.Seconds(10), BenchOptions.Repetitions());
        var command = new CliCommand(
            "kafka", "Measures the worker from topic to topic. passthroughShare: of a bare consume-and-produce loop, ceilingShare: of the model alone, in turns in the same run. p50Ms, p99Ms: at 70 % of that rate, from Kafka timestamp to durable result. Also takes --Section:Key=value.",
            "mtlstream bench kafka --bootstrap localhost:9092 --input comments.jsonl.gz --json",
            "mtlstream bench kafka --bootstrap localhost:9092 --input comments.jsonl.gz --null-model --delivery exactly-once")
        {
            bootstrap, input, nullModel, delivery, model, device, partitions, workers, events, seconds, repetitions, rate, paced, samples, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, stopping) =>
        {
            var package = parsed.GetRequiredValue(model);
            var brokers = parsed.GetRequiredValue(bootstrap);
            using var embedded = brokers == Embedded ? new MockCluster() : null;
            var settings = BenchOptions.Settings(
                [
                    .. parsed.UnmatchedTokens, $"--Kafka:BootstrapServers={embedded?.BootstrapServers ?? brokers}",
                    // The embedded broker answers a fetch when this time is over, not when an event arrives.
                    .. embedded is null ? Array.Empty<string>() : ["--Kafka:Consumer:fetch.wait.max.ms=10"],
                ],
                parsed.GetValue(nullModel), package, parsed.GetRequiredValue(device));
            var request = new KafkaBenchRequest(
                parsed.GetValue(delivery) == "exactly-once" ? DeliveryGuarantee.ExactlyOnce : DeliveryGuarantee.AtLeastOnce, parsed.GetValue(partitions),
                parsed.GetValue(events), parsed.GetValue(seconds), parsed.GetValue(repetitions), parsed.GetValue(rate), parsed.GetValue(paced), parsed.GetValue(samples));
            var lines = await BenchOptions.ReadAsync(parsed.GetRequiredValue(input), settings.Input, stopping);
            var report = await MeasureAsync(request, lines, Math.Max(1, parsed.GetValue(workers)), settings, embedded, stopping);
            await Console.Out.WriteLineAsync(Summary(report));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<KafkaBenchReport> MeasureAsync(
        KafkaBenchRequest request, IReadOnlyList<byte[]> lines, int workers, AppSettings settings, MockCluster? embedded, CancellationToken stopping)
    {
        // The run is cut off when enough is measured: what the adapter warns about then is no news.
        using var tool = new ToolServices(LogLevel.Error);
        var served = new List<ServedModel>();
        try
        {
            for (var i = 0; i < workers; i++) served.Add(ServedModel.Start(settings.Serving, tool.Pipelines, tool.Models));
            var hasCeiling = workers == 1 && !settings.Model.ConstantLabels;
            var bench = new KafkaBench(
                tool.Pipelines, [.. served.Select(s => new BenchWorker(s.Loaded, s.Watch))], lines, settings.ForBench(), settings.Kafka,
                embedded, hasCeiling, Console.Error);
            return await bench.MeasureAsync(request, stopping);
        }
        finally
        {
            foreach (var model in served) await model.DisposeAsync();
        }
    }

    private static string Summary(KafkaBenchReport report)
    {
        var parts = new List<string>
        {
            string.Create(CultureInfo.InvariantCulture, $"{report.EventsPerSecond:N1} events/s"),
            string.Create(CultureInfo.InvariantCulture, $"{report.PassthroughShare:P1} of a bare loop ({report.PassthroughEventsPerSecond:N1})"),
        };
        if (report.CeilingShare is { } share) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{share:P1} of the model alone"));
        if (report.ExactlyOnceShare is { } exactly) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{exactly:P1} of at least once"));
        parts.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"latency at {report.PacedRate:N0} events/s p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms, {report.AllocatedBytesPerEvent:N0} B per event"));
        return string.Join(", ", parts);
    }
}
