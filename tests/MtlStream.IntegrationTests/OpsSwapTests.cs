using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Text;
using Xunit.Abstractions;

namespace MtlStream.IntegrationTests;

/// <summary>The shipped model is replaced while it serves. The figures of a run are in tests/results/hot-swap.md.</summary>
public sealed class OpsSwapTests(ITestOutputHelper output) : IDisposable
{
    private const int Swaps = 5, EventsPerSecond = 100;

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-swap").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [ShippedModelFact]
    public async Task The_shipped_model_is_replaced_under_load_and_no_event_is_lost_or_scored_by_a_version_that_was_refused()
    {
        foreach (var file in Directory.GetFiles(ShippedModelFactAttribute.Folder)) File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>();
        var manifest = ModelManifest.Load(_folder);
        ModelSwap swap;
        using (var copy = PackageCopy.Of(_folder)) swap = new(Load(ModelManifest.Load(copy.Folder)));
        using var serving = swap;
        var reload = new ModelReload(swap, _folder, Load, _ => { }, manifest, ModelReload.Signature(_folder), TimeSpan.FromSeconds(1), new(meters), TimeProvider.System, NullLogger.Instance);
        var stream = new SteadyStream();
        var pipeline = new AnalyticsPipeline(
            stream, new EventDecoder(new()), TextTokenizer.Load(manifest.Tokenizer, new()), swap, new EventEncoder(new(), swap.Identity), stream,
            new(new(), new(), new()), new PipelineMetrics(meters), TimeProvider.System, NullLogger<AnalyticsPipeline>.Instance);
        using var stopping = new CancellationTokenSource();
        var running = pipeline.RunAsync(stopping.Token);
        var swapping = new List<(long From, long To)>();

        await Answered(stream, 200);
        for (var i = 1; i <= Swaps; i++)
        {
            await SetVersion("spoilt", checksum: "0000");
            Assert.False(reload.Look());
            await SetVersion($"swap-{i}", checksum: null);
            var from = Stopwatch.GetTimestamp();
            Assert.True(reload.Look());
            swapping.Add((from, Stopwatch.GetTimestamp()));
            await Answered(stream, stream.Answers.Count + 200);
        }

        await stopping.CancelAsync();
        await running;

        Assert.Equal(stream.Sent, stream.Answers.Count);
        Assert.Equal(Enumerable.Range(0, stream.Sent).Select(i => (long)i), stream.Answers.Select(a => a.Sequence));
        Assert.Equal(Enumerable.Range(0, Swaps + 1), stream.Answers.Select(a => a.Version.StartsWith("swap-", StringComparison.Ordinal) ? int.Parse(a.Version[5..], null) : 0).Distinct().Order());
        Report(stream, swapping);
    }

    private void Report(SteadyStream stream, List<(long From, long To)> swapping)
    {
        foreach (var (name, inside) in new[] { ("During a swap", true), ("Otherwise", false) })
        {
            var latencies = stream.Answers.Where(a => swapping.Any(s => a.At >= s.From && a.At <= s.To) == inside).Select(a => a.Milliseconds).Order().ToList();
            output.WriteLine($"{name}: {latencies.Count} events, p50 {latencies[latencies.Count / 2]:F1} ms, p99 {latencies[(int)(0.99 * (latencies.Count - 1))]:F1} ms, most {latencies[^1]:F1} ms.");
        }

        output.WriteLine($"{stream.Sent} events at {EventsPerSecond}/s, {Swaps} swaps of {swapping.Average(s => Stopwatch.GetElapsedTime(s.From, s.To).TotalSeconds):F2} s (copy, verify, load, warm up), {Swaps} refusals; {Environment.ProcessorCount} cores.");
    }

    private static async Task Answered(SteadyStream stream, int events) =>
        await Kafka.Wait.Until(() => stream.Answers.Count >= events, TimeSpan.FromMinutes(2), () => $"{stream.Answers.Count} of {events} answered.");

    private async Task SetVersion(string version, string? checksum)
    {
        var path = Path.Combine(_folder, "model.json");
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(ShippedModelFactAttribute.Folder, "model.json")))!.AsObject();
        manifest["version"] = version;
        if (checksum is not null)
        {
            var checksums = manifest["checksums"]!.AsObject();
            var name = checksums.First().Key;
            checksums[name] = checksums[name]!.GetValue<string>()[..^4] + checksum;
        }

        await File.WriteAllTextAsync(path, manifest.ToJsonString());
    }

    private static OnnxMultitaskModel Load(ModelManifest manifest)
    {
        var model = OnnxMultitaskModel.Load(manifest, new ModelOptions { Device = "cpu" }.WithOnRequest(true), NullLogger.Instance);
        if (manifest.Golden is { } golden) Assert.Empty(GoldenOutputs.Load(golden).Compare(model, [.. manifest.Tasks.Where(t => model.Tasks.Contains(t.Task))]));
        return model;
    }

    /// <summary>A hundred events a second, every two hundredth of several windows, and what became of them.</summary>
    private sealed class SteadyStream : IEventSource, IOutboundSink
    {
        private static readonly string s_long = string.Concat(Enumerable.Repeat("The council approved the new tram line to the harbour on Tuesday. ", 30));

        public ConcurrentQueue<(long Sequence, string Version, long At, double Milliseconds)> Answers { get; } = [];
        public int Sent { get; private set; }

        public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / EventsPerSecond));
            try
            {
                while (await timer.WaitForNextTickAsync(stopping))
                {
                    var text = Sent % 200 == 0 ? s_long : $"Event {Sent}: Angela was delighted with the train to Rotterdam, and thanked everyone.";
                    await received.WriteAsync(
                        [new(new("input", 0, Sent, 1, Sent), null, Encoding.UTF8.GetBytes($$"""{"text":"{{text}}"}"""), [], -1, Stopwatch.GetTimestamp())], stopping);
                    Sent++;
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
            }
        }

        public void Acknowledge(SourcePosition position)
        {
        }

        public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;

        public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
        {
            var now = Stopwatch.GetTimestamp();
            var version = JsonNode.Parse(record.Payload!)!["analysis"]!["model"]!["version"]!.GetValue<string>();
            Answers.Enqueue((record.Source.Position.Sequence, version, now, Stopwatch.GetElapsedTime(record.Source.ReceivedAt, now).TotalMilliseconds));
            reported(record, PublishOutcome.Durable);
            return ValueTask.CompletedTask;
        }

        public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
    }
}

/// <summary>A test of the shipped package; skipped where there is none.</summary>
internal sealed class ShippedModelFactAttribute : FactAttribute
{
    public ShippedModelFactAttribute()
    {
        if (!File.Exists(Path.Combine(Folder, ModelManifest.FileName))) Skip = "There is no shipped model in models/ yet.";
    }

    public static string Folder { get; } = Path.Combine(OpsTools.Root, "models", ModelManifest.ShippedName);
}
