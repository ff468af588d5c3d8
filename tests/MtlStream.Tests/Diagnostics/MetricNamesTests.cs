using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Http.Requests;
using MtlStream.Kafka;
using MtlStream.Learning.Review;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Onnx;
using MtlStream.Registry;
using MtlStream.Serving;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Diagnostics;

/// <summary>The table in docs/metrics.md is the contract that dashboards and alerts rely on.</summary>
public sealed class MetricNamesTests
{
    private static readonly string[] s_families = ["mtlstream", "messaging", "http"];

    [Fact]
    public void Names_kinds_and_units_are_those_of_the_documented_table()
    {
        using var meters = new MeterRecorder();
        using var model = new TableModel();
        using var shadow = new ShadowModel(meters, new TableModel(), model.Tasks, 0.1, TimeProvider.System, NullLogger.Instance);
        var pipeline = new PipelineMetrics(meters);
        pipeline.Observe([], () => model.Identity);
        _ = new DriftMonitor(meters, new(), model.Tasks, -1, null);
        _ = new ReloadMetrics(meters);
        _ = new QualityMetrics(meters);
        _ = new CanaryMetrics(meters);
        _ = new ModelMetrics(meters);
        _ = new GenerationMetrics(meters, []);
        _ = new KafkaMetrics(meters);
        _ = new RequestMetrics(meters);
        _ = new RegistryMetrics(meters, () => 0, () => 0);

        var found = meters.Instruments.Select(i => $"{i.Name} {Kind(i)} {i.Unit}").Order(StringComparer.Ordinal);

        Assert.Equal(Documented().Order(StringComparer.Ordinal), found);
    }

    [Fact]
    public void Every_instrument_says_what_it_measures()
    {
        using var meters = new MeterRecorder();
        _ = new PipelineMetrics(meters);
        _ = new KafkaMetrics(meters);
        _ = new RegistryMetrics(meters, () => 0, () => 0);
        _ = new DriftMonitor(meters, new(), [], -1, null);

        Assert.DoesNotContain(meters.Instruments, i => string.IsNullOrEmpty(i.Description));
    }

    [Fact]
    public void Padding_is_a_share_of_what_the_device_computed()
    {
        using var meters = new MeterRecorder();
        var pipeline = new PipelineMetrics(meters);
        var batch = ToyPackage.Batch(ToyPackage.Sequence(5, 6), ToyPackage.Sequence(5, 6), ToyPackage.Sequence(5, 6)); // one is computed, the others are like it
        using var predictions = new Predictions([], 3, 8);
        (predictions.Computed, predictions.Padding) = (8, 4);
        using var remembered = new Predictions([], 3, 8);

        pipeline.BatchScored(batch, predictions, TimeSpan.FromSeconds(1));
        pipeline.BatchScored(batch, remembered, TimeSpan.FromSeconds(1));

        Assert.Equal([0.5], meters.Of("mtlstream.batch.padding").Select(t => t.Value));
    }

    [Fact]
    public void What_is_counted_begins_at_zero()
    {
        using var meters = new MeterRecorder();
        using var model = new TableModel();
        using var shadow = new ShadowModel(meters, new TableModel(), model.Tasks, 0.1, TimeProvider.System, NullLogger.Instance);
        _ = new PipelineMetrics(meters);
        _ = new ReloadMetrics(meters);
        _ = new CanaryMetrics(meters);
        _ = new ModelMetrics(meters);
        _ = new GenerationMetrics(meters, ["title"]);
        _ = new DriftMonitor(meters, new(), model.Tasks, -1, null);
        _ = new RequestMetrics(meters);
        new KafkaMetrics(meters).Observe(
            new AssignmentTable(), new() { InputTopics = ["in", "more"], OutputTopic = "out", DeadLetterTopic = "dead", ReviewTopic = "review" });

        Assert.All(Documented().Where(d => d.Contains(" counter ", StringComparison.Ordinal)), d => Assert.NotEmpty(meters.Of(d.Split(' ')[0])));
        Assert.All(meters.All, taken => Assert.Equal((taken.Name, 0), (taken.Name, taken.Value)));
        Assert.Equal([.. RejectionReasons.WireNames.Order(StringComparer.Ordinal)], Values("mtlstream.events.rejected", "error.type"));
        Assert.Equal(["refused", "swapped"], Values("mtlstream.model.reloads", "mtlstream.reload.outcome"));
        Assert.Equal(["aborted", "committed", "failed"], Values("mtlstream.kafka.commits", "mtlstream.outcome"));
        Assert.Equal(["assigned", "lost", "revoked"], Values("mtlstream.kafka.rebalances", "mtlstream.rebalance"));
        Assert.Equal(["consumer", "producer"], Values("mtlstream.kafka.client.rebuilds", "mtlstream.client"));
        foreach (var name in new[] { "mtlstream.task.low_confidence", "mtlstream.shadow.compared", "mtlstream.shadow.agreed" })
            Assert.Equal([.. model.Tasks.Select(t => t.Name).Order(StringComparer.Ordinal)], Values(name, "mtlstream.task"));
        Assert.Equal([.. model.Tasks.SelectMany(t => t.Labels).Distinct().Order(StringComparer.Ordinal)], Values("mtlstream.task.labels", "mtlstream.label"));
        Assert.Equal(["complete", "failed", "truncated"], Values("mtlstream.generation.texts", "mtlstream.outcome"));
        Assert.Equal(["in", "more"], Values("messaging.client.consumed.messages", "messaging.destination.name"));
        Assert.Equal(["dead", "out", "review"], Values("messaging.client.sent.messages", "messaging.destination.name"));

        IEnumerable<string> Values(string name, string tag) => meters.Of(name).Select(t => (string)t.Tags[tag]!).Distinct().Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData(1_700_000_000_000_000)] // microseconds, which some producers write
    [InlineData(long.MaxValue)]
    public void An_event_of_a_far_future_has_a_latency_too(long timestamp)
    {
        using var meters = new MeterRecorder();
        var metrics = new PipelineMetrics(meters);

        metrics.EventPublished(timestamp, TimeProvider.System);

        Assert.True(Assert.Single(meters.Of("mtlstream.event.latency")).Value < -1e11);
    }

    internal static string Guide => Path.Combine(Root(), "docs", "metrics.md");

    /// <summary>Name, kind and unit of each row: <c>| `name` | kind | unit | ...</c>.</summary>
    private static IEnumerable<string> Documented() =>
        from line in File.ReadLines(Guide)
        where s_families.Any(family => line.StartsWith($"| `{family}.", StringComparison.Ordinal))
        let cells = line.Split('|', StringSplitOptions.TrimEntries)
        select $"{cells[1].Trim('`')} {cells[2]} {cells[3]}";

    private static string Kind(Instrument instrument) => instrument.GetType().Name switch
    {
        var name when name.Contains("Counter", StringComparison.Ordinal) => "counter",
        var name when name.Contains("Gauge", StringComparison.Ordinal) => "gauge",
        var name when name.StartsWith("Histogram", StringComparison.Ordinal) => "histogram",
        var name => name,
    };

    private static string Root()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "MtlStream.sln"))) at = at.Parent ?? throw new InvalidOperationException("Not inside the repository.");
        return at.FullName;
    }
}
