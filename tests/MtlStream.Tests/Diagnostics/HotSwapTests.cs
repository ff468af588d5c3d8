using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Models;
using MtlStream.Text;
using Xunit.Abstractions;

namespace MtlStream.Tests.Diagnostics;

/// <summary>New versions, and spoilt ones, come in while events stream through the pipeline.</summary>
public sealed class HotSwapTests : IDisposable
{
    private const int Swaps = 10;
    private const string Text = "the quick fox is long gone";

    /// <summary>Where the float32 weights of the task <c>traits</c> lie in weights.bin; see toy-model/make.py.</summary>
    private static readonly Range s_traits = 2240..2368;

    private readonly ITestOutputHelper _output;
    private readonly ToyPackage _package = new();
    private readonly JsonNode _allTasks;
    private readonly MeterRecorder _meters = new();

    public HotSwapTests(ITestOutputHelper output)
    {
        _output = output;
        _allTasks = JsonNode.Parse(File.ReadAllText(_package.At("model.json")))!["tasks"]!;
    }

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public async Task Swaps_and_refusals_under_load_lose_no_event_and_every_result_is_wholly_of_the_version_it_names()
    {
        using var copy = PackageCopy.Of(_package.Folder);
        var manifest = ModelManifest.Load(copy.Folder);
        using var swap = new ModelSwap(Load(manifest));
        var reload = new ModelReload(
            swap, _package.Folder, Load, _ => { }, manifest, ModelReload.Signature(_package.Folder), TimeSpan.FromSeconds(1), new(_meters), TimeProvider.System, NullLogger.Instance);
        var source = new SteadySource();
        var sink = new RecordingSink();
        var arrived = new List<long>();
        var pipeline = new AnalyticsPipeline(
            source, new EventDecoder(new()), TextTokenizer.Load(manifest.Tokenizer, new()), swap, new EventEncoder(new() { AllScores = true }, swap.Identity),
            new TimedSink(sink, arrived), new(new(), new(), new()), new PipelineMetrics(_meters), TimeProvider.System, NullLogger<AnalyticsPipeline>.Instance);
        using var stopping = new CancellationTokenSource();
        var running = pipeline.RunAsync(stopping.Token);
        var swapping = new List<(long From, long To)>();

        await ModelSwapTests.Until(() => !sink.Published.IsEmpty);
        for (var i = 1; i <= Swaps; i++)
        {
            _package.Edit(m => m["version"] = "spoilt");
            File.AppendAllText(_package.At("weights.bin"), "x"); // no longer what its checksum says
            Assert.False(reload.Look());
            File.WriteAllBytes(_package.At("weights.bin"), Negated(File.ReadAllBytes(_package.At("weights.bin"))[..^1]));
            var version = i;
            _package.Edit(m => SetVersion(m, version));

            var started = Stopwatch.GetTimestamp();
            Assert.True(reload.Look());
            swapping.Add((started, Stopwatch.GetTimestamp()));
            var before = sink.Published.Count;
            await ModelSwapTests.Until(() => sink.Published.Skip(before).Any(r => Encoding.UTF8.GetString(r.Payload!).Contains($"\"version\":\"{i}\"", StringComparison.Ordinal)));
            await ModelSwapTests.Until(() => sink.Published.Count > before + 200);
        }

        await stopping.CancelAsync();
        await running;

        Assert.Equal(source.Sent, sink.To(Destination.Results).Count());
        Assert.Equal(Enumerable.Range(0, source.Sent).Select(i => (long)i), sink.Published.Select(r => r.Source.Position.Sequence));
        Assert.Equal(Enumerable.Range(0, source.Sent).Select(i => (long)i), source.Acknowledged.Order());
        AssertWhollyOfOneVersion(sink);
        Report(sink, arrived, swapping);
    }

    /// <summary>Odd versions have other tasks: one is gone, and the others come in another order.</summary>
    private void SetVersion(JsonObject manifest, int version)
    {
        manifest["version"] = $"{version}";
        var tasks = _allTasks.AsArray().Select(t => t!.DeepClone());
        if (version % 2 == 1) tasks = tasks.Where(t => (string)t["name"]! != "tags").Reverse();
        manifest["tasks"] = new JsonArray([.. tasks]);
    }

    private static string TasksOf(string version) => version != "1.0.0" && int.Parse(version, null) % 2 == 1 ? "names traits mood" : "mood traits tags names";

    /// <summary>Odd versions have the weights of <c>traits</c> negated: each probability p becomes 1 - p.</summary>
    private static void AssertWhollyOfOneVersion(RecordingSink sink)
    {
        var seen = new Dictionary<(string Version, bool Long), double[]>();
        foreach (var record in sink.To(Destination.Results))
        {
            using var json = JsonDocument.Parse(record.Payload!);
            var analysis = json.RootElement.GetProperty("analysis");
            var scores = analysis.GetProperty("tasks").GetProperty("traits").GetProperty("scores").EnumerateObject().Select(s => s.Value.GetDouble()).ToArray();
            var tasks = analysis.GetProperty("tasks").EnumerateObject().Select(t => t.Name);
            Assert.Equal(TasksOf(analysis.GetProperty("model").GetProperty("version").GetString()!), string.Join(' ', tasks));
            var key = (analysis.GetProperty("model").GetProperty("version").GetString()!, record.Payload!.Length > 4000);
            Assert.Equal(seen.TryAdd(key, scores) ? scores : seen[key], scores);
        }

        Assert.Equal(Enumerable.Range(1, Swaps).Select(i => $"{i}").Append("1.0.0").Order(), seen.Keys.Select(k => k.Version).Distinct().Order());
        foreach (var (key, scores) in seen.Where(s => s.Key.Version != "1.0.0"))
        {
            var first = seen[("1.0.0", key.Long)];
            var expected = int.Parse(key.Version, null) % 2 == 0 ? first : [.. first.Select(p => 1 - p)];
            for (var i = 0; i < scores.Length; i++) Assert.Equal(expected[i], scores[i], 2e-4);
        }
    }

    private void Report(RecordingSink sink, List<long> arrived, List<(long From, long To)> swapping)
    {
        var latencies = sink.Published.Zip(arrived, (r, at) => (At: at, Milliseconds: Stopwatch.GetElapsedTime(r.Source.ReceivedAt, at).TotalMilliseconds)).ToList();
        var during = latencies.Where(l => swapping.Any(s => l.At >= s.From && l.At <= s.To)).Select(l => l.Milliseconds).ToList();
        var otherwise = latencies.Where(l => !swapping.Any(s => l.At >= s.From && l.At <= s.To)).Select(l => l.Milliseconds).ToList();
        _output.WriteLine($"{latencies.Count} events, {Swaps} swaps, {Swaps} refusals.");
        _output.WriteLine($"During a swap ({during.Count} events): p50 {Quantile(during, 0.5):F1} ms, p99 {Quantile(during, 0.99):F1} ms.");
        _output.WriteLine($"Otherwise ({otherwise.Count} events): p50 {Quantile(otherwise, 0.5):F1} ms, p99 {Quantile(otherwise, 0.99):F1} ms.");

        static double Quantile(List<double> values, double q) => values.Count == 0 ? 0 : values.Order().ElementAt((int)(q * (values.Count - 1)));
    }

    private static byte[] Negated(byte[] weights)
    {
        for (var i = s_traits.Start.Value + 3; i < s_traits.End.Value; i += 4) weights[i] ^= 0x80; // the sign of a little-endian float32
        return weights;
    }

    private static OnnxMultitaskModel Load(ModelManifest manifest) => OnnxMultitaskModel.Load(manifest, new() { Device = "cpu", Lanes = 2 }, NullLogger.Instance);

    /// <summary>Twenty events every ten milliseconds until it is stopped, every tenth of several windows.</summary>
    private sealed class SteadySource : IEventSource
    {
        private static readonly string s_long = string.Concat(Enumerable.Repeat(Text + " ", 40));

        public System.Collections.Concurrent.ConcurrentQueue<long> Acknowledged { get; } = [];
        public int Sent { get; private set; }

        public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
            try
            {
                while (await timer.WaitForNextTickAsync(stopping))
                {
                    var chunk = Enumerable.Range(Sent, 20).Select(i => new SourceRecord(
                        new("input", 0, i, 1, i), null, Encoding.UTF8.GetBytes($$"""{"text":"{{(i % 10 == 0 ? s_long : Text)}}"}"""), [], -1, Stopwatch.GetTimestamp())).ToList();
                    await received.WriteAsync(chunk, stopping);
                    Sent += chunk.Count;
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
            }
        }

        public void Acknowledge(SourcePosition position) => Acknowledged.Enqueue(position.Sequence);

        public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;
    }

    /// <summary>Notes when each record arrived.</summary>
    private sealed class TimedSink(RecordingSink inner, List<long> arrived) : IOutboundSink
    {
        public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
        {
            arrived.Add(Stopwatch.GetTimestamp());
            return inner.PublishAsync(record, reported, abort);
        }

        public Task FlushAsync(CancellationToken abort) => inner.FlushAsync(abort);
    }
}
