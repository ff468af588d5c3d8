using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Models;

public sealed class LanguageGateTests : IDisposable
{
    private readonly ToyPackage _package = new ToyPackage().Edit(manifest => manifest["tasks"] = new JsonArray(
        JsonNode.Parse("""{"name":"language","kind":"single_label","labels":["eng","deu","other"],"threshold":0.6,"tellsLanguage":true,"outputs":{"probabilities":"mood.probabilities"}}"""),
        JsonNode.Parse("""{"name":"mood","kind":"single_label","labels":["bad","mixed","good"],"languages":["eng"],"outputs":{"probabilities":"mood.probabilities"}}"""),
        JsonNode.Parse("""{"name":"taught","kind":"single_label","labels":["a","b","c"],"outputs":{"probabilities":"mood.probabilities"}}""")));

    private readonly MeterRecorder _meters = new();

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
    }

    [Theory]
    [InlineData(0.9f, 0.1f, 0f, "language,mood,taught", false)]
    [InlineData(0.2f, 0.8f, 0f, "language,taught", true)]
    [InlineData(0.1f, 0.1f, 0.8f, "language,taught", true)]
    [InlineData(0.45f, 0.55f, 0f, "language,mood,taught", false)] // not sure
    public void A_task_is_left_out_where_the_text_is_surely_in_a_language_that_it_does_not_know(float eng, float deu, float other, string tasks, bool silent)
    {
        var (result, isSilent) = Encode(_package.Manifest(), [eng, deu, other], new());

        Assert.Equal(tasks, string.Join(',', TasksOf(result)));
        Assert.Equal(silent, isSilent);
    }

    [Theory]
    [InlineData("all", "language,mood,taught")]
    [InlineData("eng,deu", "language,mood,taught")]
    [InlineData("other", "language,taught")]
    public void The_setting_says_which_languages_get_labels(string languages, string tasks)
    {
        var (result, _) = Encode(_package.Manifest().Knowing(languages), [0.1f, 0.9f, 0], new());

        Assert.Equal(tasks, string.Join(',', TasksOf(result)));
    }

    [Fact]
    public void A_language_that_no_task_tells_is_refused()
    {
        Assert.Contains("found fra, expected some of eng, deu, other", Assert.Throws<InvalidDataException>(() => _package.Manifest().Knowing("eng,fra")).Message, StringComparison.Ordinal);
        _package.Edit(manifest => manifest["tasks"]!.AsArray().RemoveAt(0));
        Assert.Contains("no task of", Assert.Throws<InvalidDataException>(() => _package.Manifest().Knowing("eng")).Message, StringComparison.Ordinal);
        Assert.NotNull(_package.Manifest().Knowing("all"));
    }

    [Fact]
    public void Thresholds_of_the_settings_leave_the_languages_as_they_are()
    {
        var manifest = _package.Manifest().With(new Dictionary<string, double> { ["language"] = 0.95, ["mood"] = 0.1 });

        Assert.Equal("language,mood,taught", string.Join(',', TasksOf(Encode(manifest, [0.1f, 0.9f, 0], new()).Result)));
        Assert.Equal("language,taught", string.Join(',', TasksOf(Encode(manifest, [0.02f, 0.98f, 0], new()).Result)));
    }

    [Fact]
    public void A_silent_task_has_no_header()
    {
        var (result, _) = Encode(_package.Manifest(), [0, 1, 0], new() { LabelHeaders = true });

        Assert.Equal(["mtlstream.language", "mtlstream.taught"], result.Headers.Select(h => h.Key));
    }

    [Fact]
    public void The_watch_counts_the_language_and_not_what_silent_tasks_would_have_said()
    {
        var tasks = _package.Manifest().Tasks.Select(t => t.Task).ToList();
        var watch = new DriftMonitor(_meters, new(), tasks, -1, reference: null);
        using var predictions = Say(tasks, [0, 1, 0]);
        using var text = Make.Tokenizer(16, 4).Tokenize("good morning");

        watch.Observe(text, predictions, 0);

        Assert.Equal(["language", "taught"], _meters.Of("mtlstream.task.confidence").Select(m => (string)m.Tags["mtlstream.task"]!));
    }

    [Fact]
    public async Task Such_events_are_counted()
    {
        var tasks = _package.Manifest().Tasks.Select(t => t.Task).ToList();
        var model = new SayingModel(tasks, [0, 1, 0]);

        await Make.Pipeline(new InMemorySource(["""{"text":"good"}""", """{"text":"morning"}"""]), new RecordingSink(), model, meters: _meters).RunAsync(CancellationToken.None);

        Assert.Equal(2, _meters.Of("mtlstream.events.silent").Sum(m => m.Value));
    }

    private static (OutboundRecord Result, bool Silent) Encode(ModelManifest manifest, float[] said, OutputOptions options)
    {
        List<ModelTask> tasks = [.. manifest.Tasks.Select(t => t.Task)];
        using var predictions = Say(tasks, said);
        using var scored = new TokenizedEvent(Decode("""{"text":"good"}"""), Make.Tokenizer(16, 4).Tokenize("good"));
        Assert.True(new EventEncoder(options, Model).TryEncodeResult(scored, predictions, 0, out var result, out _, out var silent));
        return (result, silent);
    }

    private static Predictions Say(List<ModelTask> tasks, float[] said)
    {
        var predictions = new Predictions(tasks, 1, 16);
        for (var task = 0; task < tasks.Count; task++) said.CopyTo(predictions.Of(task, 0).Floats());
        return predictions;
    }

    private static List<string> TasksOf(OutboundRecord result)
    {
        using var document = JsonDocument.Parse(Encoding.UTF8.GetString(result.Payload!));
        return [.. document.RootElement.GetProperty("analysis").GetProperty("tasks").EnumerateObject().Select(t => t.Name)];
    }

    /// <summary>Says the same of every text.</summary>
    private sealed class SayingModel(IReadOnlyList<ModelTask> tasks, float[] said) : IMultitaskModel
    {
        public ModelIdentity Identity { get; } = new("saying", "1.0.0", "cpu");
        public IReadOnlyList<ModelTask> Tasks { get; } = tasks;
        public MtlStream.Batching.BatchShape Shape { get; } = new(1, 4096, []);
        public int Workers => 1;

        public Predictions Predict(MtlStream.Batching.TokenBatch batch, int worker)
        {
            var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
                for (var task = 0; task < Tasks.Count; task++) said.CopyTo(predictions.Of(task, sequence).Floats());
            return predictions;
        }

        public void Probe(int worker)
        {
        }

        public void Dispose()
        {
        }
    }
}
