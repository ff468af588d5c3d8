using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Measuring;
using MtlStream.Inference;
using MtlStream.Kafka;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench kafka</c>: the worker from topic to topic, against the model alone and against a bare loop of the same client.</summary>
internal static class BenchKafkaCommand
{
    private const int EstimateEvents = 1024;

    /// <summary>Events per second assumed of the null model when the size of the measurement is chosen.</summary>
    private const double NullModelEstimate = 50_000;

    /// <summary>One in so many events passes before the clock starts.</summary>
    private const int WarmUpDivisor = 10;

    /// <param name="CeilingShare">Of the model alone on the same texts; null without a model.</param>
    /// <param name="PassthroughShare">Of the bare loop, with payloads of the enriched size.</param>
    internal sealed record Report(
        double EventsPerSecond, double? CeilingShare, double PassthroughEventsPerSecond, double PassthroughShare, double P50Ms, double P99Ms,
        double? CeilingEventsPerSecond, int PayloadBytes, int Events, int Repetitions, string Delivery);

    public static Command Build()
    {
        var bootstrap = new Option<string>("--bootstrap") { Description = "Brokers to measure with; topics are created and removed.", HelpName = "HOST:PORT", Required = true };
        var nullModel = new Option<bool>("--null-model") { Description = "Constant labels instead of the model: measures everything around it." };
        var delivery = new Option<string>("--delivery") { Description = "The guarantee to measure.", DefaultValueFactory = _ => "at-least-once" };
        delivery.AcceptOnlyFromAmong("at-least-once", "exactly-once");
        var partitions = new Option<int>("--partitions") { Description = "Partitions of every topic.", HelpName = "N", DefaultValueFactory = _ => 4 };
        var (input, model, device, json) = (CommonOptions.Input(), CommonOptions.Model(), CommonOptions.Device(), CommonOptions.JsonReport());
        var (seconds, repetitions) = (BenchInput.Seconds(10), BenchInput.Repetitions());
        var command = new CliCommand(
            "kafka", "Measures the worker from topic to topic. passthroughShare: of a bare consume-and-produce loop, ceilingShare: of the model alone, in turns in the same run. p50Ms, p99Ms: at 70 % of that rate, from Kafka timestamp to durable result. Also takes --Section:Key=value.",
            "mtlstream bench kafka --bootstrap localhost:9092 --input comments.jsonl.gz --json",
            "mtlstream bench kafka --bootstrap localhost:9092 --input comments.jsonl.gz --null-model --delivery exactly-once")
        {
            bootstrap, input, nullModel, delivery, model, device, partitions, seconds, repetitions, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, stopping) =>
        {
            var settings = BenchInput.Settings(parsed.UnmatchedTokens);
            using var assembly = PipelineAssembly.ForTool();
            var lines = await BenchInput.ReadAsync(parsed.GetRequiredValue(input), stopping);
            var isNull = parsed.GetValue(nullModel);
            var package = parsed.GetRequiredValue(model);
            var options = settings.Model with { Path = isNull ? $"{NullModel.Path}:{package}" : package, Device = parsed.GetRequiredValue(device) };
            using var loaded = assembly.LoadModel(options, settings.Tokenization);
            var guarantee = settings.Delivery with
            {
                Guarantee = parsed.GetRequiredValue(delivery) == "exactly-once" ? DeliveryGuarantee.ExactlyOnce : DeliveryGuarantee.AtLeastOnce,
            };
            await using var topics = await KafkaTopics.CreateAsync(parsed.GetRequiredValue(bootstrap), parsed.GetValue(partitions));
            var bench = new Bench(assembly, loaded, settings, guarantee, topics, parsed.GetRequiredValue(bootstrap), isNull, stopping);
            var report = await bench.MeasureAsync(lines, parsed.GetValue(seconds), parsed.GetValue(repetitions));
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{report.EventsPerSecond:N1} events/s, {report.PassthroughShare:P1} of a bare loop ({report.PassthroughEventsPerSecond:N1}), {(report.CeilingShare is { } share ? $"{share:P1} of the model alone, " : "")}latency p50 {report.P50Ms:N1} ms, p99 {report.P99Ms:N1} ms"));
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private sealed class Bench(
        PipelineAssembly assembly, LoadedModel loaded, AppSettings settings, DeliveryOptions delivery, KafkaTopics topics, string bootstrapServers,
        bool isNull, CancellationToken stopping)
    {
        private readonly TimeProvider _time = assembly.Time;

        public async Task<Report> MeasureAsync(IReadOnlyList<byte[]> lines, double seconds, int repetitions)
        {
            var estimate = isNull ? NullModelEstimate : ModelCeiling.Estimate(
                loaded, BenchInput.Tokenize(lines.Take(EstimateEvents), settings.Input, loaded.Tokenizer), _time, stopping);
            var payloads = BenchInput.Take(lines, Math.Max(EstimateEvents, (int)(estimate * seconds)));
            var batches = isNull ? [] : ModelCeiling.Batches(
                BenchInput.Tokenize(payloads, settings.Input, loaded.Tokenizer), settings.Batching.Over(loaded.Model.Shape));
            await topics.FillAsync(topics.Input, payloads, 0, _time, stopping);

            var (rates, bare, ceilings, size) = (new List<double>(), new List<double>(), new List<double>(), 0);
            for (var i = 0; i < repetitions; i++)
            {
                if (!isNull) ceilings.Add(payloads.Count / ModelCeiling.Run(loaded.Model, batches, _time, stopping));
                var sink = await WorkAsync(topics.Input, payloads.Count, fill: null);
                rates.Add(sink.Rate);
                size = sink.MeanPayloadBytes;
                bare.Add(BareLoop.Run(Configuration(topics.Input), topics.Input, topics.Copies, size, payloads.Count / WarmUpDivisor, payloads.Count, _time, stopping));
            }

            var rate = BenchInput.Median(rates);
            var latency = await LatencyAsync(payloads, rate * BenchPipelineCommand.LatencyLoad, seconds);
            return new(
                Math.Round(rate, 1), isNull ? null : Math.Round(BenchInput.Median(rates.Zip(ceilings, (r, c) => r / c)), 4),
                Math.Round(BenchInput.Median(bare), 1), Math.Round(BenchInput.Median(rates.Zip(bare, (r, b) => r / b)), 4),
                latency.Percentile(0.5), latency.Percentile(0.99), isNull ? null : Math.Round(BenchInput.Median(ceilings), 1),
                size, payloads.Count, repetitions, delivery.Guarantee.ToString());
        }

        private async Task<LatencyHistogram> LatencyAsync(IReadOnlyList<byte[]> payloads, double rate, double seconds)
        {
            var paced = BenchInput.Take(payloads, Math.Max(100, (int)(rate * seconds)));
            return (await WorkAsync(topics.Paced, paced.Count, () => topics.FillAsync(topics.Paced, paced, rate, _time, stopping))).Latency;
        }

        /// <summary>Runs the worker over a topic until it has answered <paramref name="events"/> events.</summary>
        /// <param name="fill">Produces them once the worker has its partitions; null when they are there already.</param>
        private async Task<CountingSink> WorkAsync(string input, int events, Func<Task>? fill)
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var status = new KafkaStatus();
            await using var kafka = new KafkaConnection(Configuration(input), status, new KafkaMetrics(assembly.Meters), _time, assembly.Loggers);
            var sink = new CountingSink(kafka.Sink, Math.Max(1, events / WarmUpDivisor), events, _time);
            var run = assembly.Pipeline(loaded, kafka.Source, sink, settings.Input, settings.Output, new(settings.Pipeline, settings.Batching, delivery)).RunAsync(enough.Token);
            if (fill is not null)
            {
                while (status.AssignedPartitions == 0 && !run.IsCompleted) await Task.Delay(TimeSpan.FromMilliseconds(20), _time, stopping);
                await fill();
            }

            await Task.WhenAny(sink.Done, run);
            await enough.CancelAsync();
            await run;
            stopping.ThrowIfCancellationRequested();
            return sink;
        }

        private KafkaConfiguration Configuration(string input) => new(
            settings.Kafka with
            {
                BootstrapServers = bootstrapServers,
                GroupId = $"mtlstream-bench-{Guid.NewGuid():N}",
                InputTopics = [input],
                OutputTopic = topics.Output,
                DeadLetterTopic = topics.DeadLetters,
            },
            delivery);
    }
}
