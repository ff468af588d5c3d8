using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Onnx;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Tasks;

/// <summary>A kind of task that nothing else knows goes all the way, from the manifest to the result: it takes one class.</summary>
public sealed class NewKindTests : IDisposable
{
    private static readonly TaskKind[] s_kinds = [.. TaskKind.All, SketchTask.Definition];

    private readonly ToyPackage _package = new ToyPackage().Edit(manifest => manifest["tasks"] = new JsonArray(JsonNode.Parse(
        """
        {"name": "sketch", "kind": "sketch", "width": 4, "outputs": {"vector": "traits.probabilities", "keep": "tags.scores"}}
        """)));

    private readonly MeterRecorder _meters = new();

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
    }

    private ModelManifest Manifest() => ModelManifest.Load(_package.Folder, s_kinds);

    private OnnxMultitaskModel Load() => OnnxMultitaskModel.Load(Manifest(), new() { Device = "cpu", Lanes = 2 }, NullLogger.Instance);

    private async Task<List<JsonElement>> AnalyseAsync(IMultitaskModel model, params string[] texts)
    {
        var sink = new RecordingSink();
        var monitor = new DriftMonitor(_meters, new(), model.Tasks, -1, reference: null);
        using var shadow = new ShadowModel(_meters, Load(), model.Tasks, share: 1, TimeProvider.System, NullLogger.Instance);
        var pipeline = new AnalyticsPipeline(
            new InMemorySource(texts.Select(text => JsonSerializer.Serialize(new { text }))), new EventDecoder(new()),
            TextTokenizer.Load(Manifest().Tokenizer, new()), model, new EventEncoder(new(), model.Identity), sink,
            new(new(), new(), new()), new PipelineMetrics(_meters), TimeProvider.System, NullLogger<AnalyticsPipeline>.Instance,
            monitor, shadow);
        await pipeline.RunAsync(CancellationToken.None);
        return [.. sink.To(Destination.Results).Select(r => JsonDocument.Parse(r.Payload).RootElement.GetProperty("analysis").GetProperty("tasks"))];
    }

    [Fact]
    public async Task It_is_read_scored_merged_watched_and_written()
    {
        using var model = new ModelSwap(new RecentResults(Load(), 10));
        var longText = string.Join(' ', Enumerable.Repeat("the quick fox", 40)); // several windows

        var tasks = await AnalyseAsync(model, "the fox", "the fox", longText);

        Assert.Equal(["sketch", "sketch", "sketch"], tasks.Select(t => Assert.Single(t.EnumerateObject()).Name));
        Assert.Equal(tasks[0].GetRawText(), tasks[1].GetRawText()); // the second one from memory
        Assert.All(tasks, t => Assert.Equal(4, t.GetProperty("sketch").GetProperty("vector").GetArrayLength()));
        Assert.Equal([2, 2, 120], tasks.Select(t => t.GetProperty("sketch").GetProperty("keep").GetArrayLength()));
        Assert.Equal(3, _meters.Of("mtlstream.text.length").Count);
        Assert.Empty(_meters.Of("mtlstream.task.confidence")); // it says nothing about that
    }

    [Fact]
    public void What_its_graph_lacks_is_said_at_load()
    {
        _package.Edit(manifest => manifest["tasks"]![0]!["width"] = 5);

        var message = Assert.Throws<InvalidDataException>(Load).Message;

        Assert.Contains("task sketch, output traits.probabilities: found Float [-1, 4], expected Float [sequences, 5]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_with_it_in_the_manifest_is_said_with_its_place()
    {
        _package.Edit(manifest =>
        {
            var task = manifest["tasks"]![0]!;
            task["width"] = 0;
            task["depth"] = 1;
            task["outputs"]!.AsObject().Remove("keep");
        });

        var message = Assert.Throws<InvalidDataException>(Manifest).Message;

        Assert.Contains("tasks[0] (sketch).width: found 0, expected a whole number from 1", message, StringComparison.Ordinal);
        Assert.Contains("tasks[0] (sketch).depth: unknown", message, StringComparison.Ordinal);
        Assert.Contains("tasks[0] (sketch).outputs.keep: missing", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Golden_outputs_hold_its_first_output()
    {
        using var model = Load();
        File.WriteAllText(_package.At("golden.json"), """
            {
              "schema": "model-golden.v1", "tolerance": {"cpu": {"probability": 0.0001, "tagShare": 1}},
              "texts": [{
                "text": "the cat", "input_ids": [2, 42, 40, 3], "token_type_ids": [0, 0, 0, 0], "outputs": {"traits.probabilities": [9, 9, 9, 9]}
              }]
            }
            """);

        var problem = Assert.Single(GoldenOutputs.Load(_package.At("golden.json")).Compare(model, Manifest().Tasks));

        Assert.StartsWith("golden.json: texts[0]: task sketch, element ", problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_null_model_answers_for_it()
    {
        using var model = new NullModel([.. Manifest().Tasks.Select(t => t.Task)]);

        var task = Assert.Single(await AnalyseAsync(model, "the fox"));

        Assert.Equal("""{"vector":[0.0000,0.0000,0.0000,0.0000],"keep":[0.0000,0.0000]}""", task.GetProperty("sketch").GetRawText());
    }

    /// <summary>A few numbers about the text, and one about each token. Shapes that no built-in kind has beside each other.</summary>
    private sealed class SketchTask(string name, int width) : ModelTask(
        name, Definition.Name, [], new TaskOutput(ElementType.Number, width, 0), new TaskOutput(ElementType.Number, 0, PerToken: 1))
    {
        public static TaskKind Definition { get; } = new("sketch", ["vector", "keep"], fields => new SketchTask(fields.Name, fields.WholeNumber("width", 1, 4096)))
        {
            Members = ["width"],
        };

        public override void WriteNeutral(TaskValues values)
        {
            values.Floats(0).Clear();
            values.Floats(1).Clear();
        }

        public override void Merge(WindowValues windows, TaskValues merged)
        {
            windows.Average(0, merged.Floats(0));
            windows.Join(1, merged.Floats(1));
        }

        public override string? ValidationError(TaskValues values, TokenizedText text) => null;

        public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
        {
            output.Write("{\"vector\":["u8);
            WriteAll(values.Floats(0), output);
            output.Write("],\"keep\":["u8);
            WriteAll(values.Floats(1).Slice(1, text.Tokens.Tokens.Length), output);
            output.Write("]}"u8);
        }

        public override Shape ShapeOf(AnswerDetail detail) =>
            new Shape.Fields([new("vector", new Shape.ListOf(Shape.Number)), new("keep", new Shape.ListOf(Shape.Number))]);

        public override IReadOnlyList<string> Given(TaskValues values, TaskText text) => [];

        public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts) => null;

        private static void WriteAll(ReadOnlySpan<float> values, Utf8Buffer output)
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (i > 0) output.Write((byte)',');
                output.WriteScore(values[i]);
            }
        }
    }
}
