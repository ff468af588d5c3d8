using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Measuring;
using MtlStream.Host.Worker;
using MtlStream.Kafka;
using MtlStream.Models;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench kafka</c>: the worker from topic to topic, against the model alone and against a bare loop of the same client.</summary>
internal static class BenchKafkaCommand
{
    /// <param name="Events">Events of one repetition; 0 for what the model takes in <paramref name="Seconds"/>.</param>
    /// <param name="Rate">Events per second at which latency is measured; 0 for a share of the measured rate.</param>
    /// <param name="Samples">File for the acknowledged events over time at that rate; null for none.</param>
    internal sealed record Request(
        DeliveryGuarantee Guarantee, int Partitions, long Events, double Seconds, int Repetitions, double Rate, double PacedSeconds, string? Samples);

    /// <param name="CeilingShare">Of the model alone on the same texts; null for the null model.</param>
    /// <param name="PassthroughEventsPerSecond">The bare loop, with payloads of the size of results.</param>
    /// <param name="P50Ms">From an event's Kafka timestamp to its durable result, at <paramref name="PacedRate"/>.</param>
    /// <param name="ExactlyOnceShare">Exactly once to at least once; null unless exactly once was measured.</param>
    /// <param name="PacedRate">Events per second at which latency was measured.</param>
    /// <param name="AllocatedBytesPerEvent">On the managed heap, without the payloads' own bytes, read and written.</param>
    /// <param name="CpuMicrosecondsPerEvent">Processor time of this process, all cores together, without the broker.</param>
    /// <param name="PassthroughCpuMicrosecondsPerEvent">The same of the bare loop.</param>
    /// <param name="AddedBytes">Bytes by which a result is larger than its event, on average.</param>
    /// <param name="PassthroughShares">One for each repetition, like the other two.</param>
    internal sealed record Report(
        double EventsPerSecond, double? CeilingShare, double PassthroughEventsPerSecond, double PassthroughShare, double P50Ms, double P99Ms,
        double? CeilingEventsPerSecond, double? ExactlyOnceShare, double PacedRate, double AllocatedBytesPerEvent, int AddedBytes, long Events,
        int Repetitions, int Workers, string Delivery, string Model, string Device, double WorkingSetMegabytes,
        double CpuMicrosecondsPerEvent, double PassthroughCpuMicrosecondsPerEvent,
        IReadOnlyList<double> PassthroughShares, IReadOnlyList<double>? CeilingShares, IReadOnlyList<double>? ExactlyOnceShares);

    private const string Embedded = "embedded";

    public static Command Build()
    {
        var bootstrap = new Option<string>("--bootstrap") { Description = "Brokers to measure with; topics are created and removed. embedded: a broker in this process, filled while it is read.", HelpName = "HOST:PORT", Required = true };
        var nullModel = new Option<bool>("--null-model") { Description = "Constant labels instead of the model: measures everything around it." };
        var delivery = new Option<string>("--delivery") { Description = "The guarantee; exactly-once is measured in turn with at-least-once.", DefaultValueFactory = _ => "at-least-once" };
        delivery.AcceptOnlyFromAmong("at-least-once", "exactly-once");
        var partitions = new Option<int>("--partitions") { Description = "Partitions of every topic.", HelpName = "N", DefaultValueFactory = _ => 4 };
        var workers = new Option<int>("--workers") { Description = "Workers of one group, in this process.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var rate = new Option<double>("--rate") { Description = "Events per second at which latency is measured; without it 70 % of the rate measured.", HelpName = "R" };
        var paced = new Option<double>("--paced-seconds") { Description = "How long latency is measured.", HelpName = "S", DefaultValueFactory = _ => 10 };
        var samples = new Option<string?>("--samples") { Description = "CSV file for what is acknowledged over time while latency is measured.", HelpName = "FILE" };
        var (input, model, device, json) = (CommonOptions.Input(), CommonOptions.Model(), CommonOptions.Device(), CommonOptions.JsonReport());
        var (events, seconds, repetitions) = (BenchInput.Events(), BenchInput.Seconds(10), BenchInput.Repetitions());
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
            var settings = BenchInput.Settings(
                [
                    .. parsed.UnmatchedTokens, $"--Kafka:BootstrapServers={embedded?.BootstrapServers ?? brokers}",
                    // The embedded broker answers a fetch when this time is over, not when an event arrives.
                    .. embedded is null ? Array.Empty<string>() : ["--Kafka:Consumer:fetch.wait.max.ms=10"],
                ],
                parsed.GetValue(nullModel) ? $"{NullModel.Path}:{package}" : package, parsed.GetRequiredValue(device));
            var request = new Request(
                parsed.GetValue(delivery) == "exactly-once" ? DeliveryGuarantee.ExactlyOnce : DeliveryGuarantee.AtLeastOnce, parsed.GetValue(partitions),
                parsed.GetValue(events), parsed.GetValue(seconds), parsed.GetValue(repetitions), parsed.GetValue(rate), parsed.GetValue(paced), parsed.GetValue(samples));
            var lines = await BenchInput.ReadAsync(parsed.GetRequiredValue(input), settings.Input, stopping);
            var report = await MeasureAsync(request, lines, Math.Max(1, parsed.GetValue(workers)), settings, embedded, stopping);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.EventsPerSecond:N1} events/s, {report.PassthroughShare:P1} of a bare loop ({report.PassthroughEventsPerSecond:N1}), " +
                $"{(report.CeilingShare is { } share ? $"{share:P1} of the model alone, " : "")}{(report.ExactlyOnceShare is { } exactly ? $"{exactly:P1} of at least once, " : "")}" +
                $"latency at {report.PacedRate:N0} events/s p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms, {report.AllocatedBytesPerEvent:N0} B per event"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<Report> MeasureAsync(
        Request request, IReadOnlyList<byte[]> lines, int workers, AppSettings settings, MockCluster? embedded, CancellationToken stopping)
    {
        // The run is cut off when enough is measured: what the adapter warns about then is no news.
        using var assembly = PipelineAssembly.ForTool(LogLevel.Error);
        assembly.Names = new("kafka", "bench", "results", "rejected");
        var served = new List<ServedModel>();
        try
        {
            for (var i = 0; i < workers; i++) served.Add(ServedModel.Start(settings, assembly));
            var hasCeiling = workers == 1 && !NullModel.IsMeant(settings.Model.Path, out _);
            return await new KafkaBench(assembly, served, lines, settings, embedded, hasCeiling, Console.Error).MeasureAsync(request, stopping);
        }
        finally
        {
            foreach (var model in served) await model.DisposeAsync();
        }
    }
}
