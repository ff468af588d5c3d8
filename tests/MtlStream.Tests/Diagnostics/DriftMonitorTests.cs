using System.Text.Json;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Diagnostics;

public sealed class DriftMonitorTests : IDisposable
{
    private const int UnknownId = 1;

    private static readonly ModelTask[] s_tasks =
    [
        new TokenTagsTask("pos", ["NOUN", "VERB"]),
        new SingleLabelTask("sentiment", ["negative", "positive"]),
        new MultiLabelTask("emotion", ["joy", "anger"], [0.5f, 0.5f]),
        new SingleLabelTask("intent", ["greet", "leave"], 0.7f),
    ];

    private readonly MeterRecorder _meters = new();

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void Labels_are_counted_as_the_result_gives_them()
    {
        var watch = Watch(new());

        Observe(watch, sentiment: 0.9f, joy: 0.6f, anger: 0.7f, intent: 0.6f, tags: [0, 1, 1]);
        Observe(watch, sentiment: 0.2f, joy: 0.1f, anger: 0.2f, intent: 0.8f, tags: [1]);

        Assert.Equal(1, Label("sentiment", "positive"));
        Assert.Equal(1, Label("sentiment", "negative"));
        Assert.Equal((1, 1), (Label("emotion", "joy"), Label("emotion", "anger")));
        Assert.Equal((1, 3), (Label("pos", "NOUN"), Label("pos", "VERB")));
        Assert.Equal(1, Label("intent", "leave")); // 0.6 is below the threshold: out of scope
    }

    [Fact]
    public void What_is_saved_takes_the_place_of_the_file_whole()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-");
        var file = Path.Combine(folder.FullName, "seen.json");
        File.WriteAllText(file, "what was there before");
        using var before = File.OpenText(file);
        var watch = Watch(new() { SaveReference = file });
        Observe(watch, sentiment: 0.9f);

        watch.Save();

        Assert.Equal("what was there before", before.ReadToEnd());
        Assert.Contains("\"events\": 1", File.ReadAllText(file), StringComparison.Ordinal);
        Assert.Equal([file], Directory.GetFiles(folder.FullName));
        folder.Delete(recursive: true);
    }

    [Fact]
    public void Confidence_and_entropy_say_how_sure_the_model_is()
    {
        var watch = Watch(new() { LowConfidence = 0.55 });

        Observe(watch, sentiment: 0.5f, joy: 0.5f, anger: 0.5f, intent: 1f, tags: [0]);

        Assert.Equal(0.5, Last("mtlstream.task.confidence", "sentiment"), 1e-6);
        Assert.Equal(1, Last("mtlstream.task.entropy", "sentiment"), 1e-6);
        Assert.Equal(1, Last("mtlstream.task.entropy", "emotion"), 1e-6);
        Assert.Equal(0, Last("mtlstream.task.entropy", "intent"), 1e-6);
        Assert.Equal(0.75, Last("mtlstream.task.confidence", "pos"), 1e-6);
        Assert.Equal(["emotion", "sentiment"], Low().Order());
    }

    [Fact]
    public void Totals_go_on_for_the_tasks_that_another_version_has_too_and_results_of_either_are_counted_by_their_own_tasks()
    {
        var watch = Watch(new());
        Observe(watch, sentiment: 0.9f);
        ModelTask[] next = [new SingleLabelTask("refund", ["no", "yes"]), new SingleLabelTask("sentiment", ["negative", "positive"])];
        using var text = Tokenized([(10, true)]);
        using var said = new Predictions(next, 1, 3);
        (said.Probabilities(0, 0)[0], said.Probabilities(0, 0)[1]) = (0.2f, 0.8f);
        (said.Probabilities(1, 0)[0], said.Probabilities(1, 0)[1]) = (0.1f, 0.9f);

        watch.Observe(text, said, 0); // of the new version, before the watch was told of it
        watch.Watch(next, reference: null);
        watch.Observe(text, said, 0);
        Observe(watch, sentiment: 0.9f); // of the old one, a little late

        Assert.Equal(4, Label("sentiment", "positive"));
        Assert.Equal(1, Label("refund", "yes"));
        Assert.Equal(["refund", "sentiment"], watch.Snapshot()!.Labels.Keys.Order());
    }

    [Fact]
    public void A_version_without_a_task_that_a_limit_names_is_not_watched()
    {
        var watch = Watch(new() { LowConfidenceOf = new Dictionary<string, double> { ["pos"] = 0.8 } });

        var refused = Assert.Throws<InvalidDataException>(() => watch.Watch([s_tasks[1]], reference: null));

        Assert.Contains("pos", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_of_its_own_decides_for_a_task_when_it_is_unsure()
    {
        var watch = Watch(new() { LowConfidence = 0, LowConfidenceOf = new Dictionary<string, double> { ["pos"] = 0.8 } });

        Observe(watch, sentiment: 0.5f, tags: [0]);

        Assert.Equal(["pos"], Low());
    }

    [Fact]
    public void Words_count_once_however_many_tokens_they_have()
    {
        var watch = Watch(new());
        using var text = Tokenized([(10, true), (11, false), (12, true)]);
        using var predictions = Predict([0, 1, 0], 0.9f, 0, 0, 0);

        watch.Observe(text, predictions, 0);

        Assert.Equal(2, Label("pos", "NOUN"));
        Assert.Equal(0, Label("pos", "VERB"));
    }

    [Fact]
    public void Tokens_that_the_vocabulary_does_not_know_are_counted()
    {
        var watch = Watch(new());
        using var text = Tokenized([(10, true), (UnknownId, true), (12, true), (UnknownId, true)]);
        using var predictions = Predict([0, 0, 0, 0], 0.9f, 0, 0, 0);

        watch.Observe(text, predictions, 0);

        Assert.Equal(4, _meters.Of("mtlstream.tokens").Sum(t => t.Value));
        Assert.Equal(2, _meters.Of("mtlstream.tokens.unknown").Sum(t => t.Value));
        Assert.Equal(4, Assert.Single(_meters.Of("mtlstream.text.length")).Value);
    }

    [Fact]
    public void A_stream_like_the_reference_does_not_drift_and_another_one_does()
    {
        var seen = Watch(new());
        var random = new Random(5);
        for (var i = 0; i < 2000; i++) Observe(seen, Score(random, 0.3), tags: [0]);
        var reference = seen.Snapshot();
        var watch = Watch(new() { DriftWindow = 1000 }, reference);

        for (var i = 0; i < 1000; i++) Observe(watch, Score(random, 0.3), tags: [0]);
        var before = Drift("sentiment");
        for (var i = 0; i < 1000; i++) Observe(watch, Score(random, 0.9), tags: [0]);
        var after = Drift("sentiment");

        Assert.InRange(before, 0, 0.05);
        Assert.InRange(after, 0.25, 10);

        static float Score(Random random, double positive) => random.NextDouble() < positive ? 0.8f : 0.2f;
    }

    [Fact]
    public void Drift_is_the_population_stability_index()
    {
        // (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5), by hand.
        Assert.Equal(0.415888, ReferenceDistribution.StabilityIndex([0.5, 0.5], [80, 20]), 1e-6);
        Assert.Equal(0, ReferenceDistribution.StabilityIndex([0.25, 0.75], [100, 300]), 1e-12);
    }

    [Fact]
    public void The_window_forgets_what_is_older_than_itself()
    {
        var counts = new SlidingCounts(2, window: 100);
        for (var i = 0; i < 500; i++) Count(0);
        for (var i = 0; i < 100; i++) Count(1);

        var drifts = new List<System.Diagnostics.Metrics.Measurement<double>>();
        counts.Drift([0, 1], drifts);

        Assert.Equal(0, Assert.Single(drifts).Value, 1e-9);
        Assert.Equal(500, counts.Ever[0]);

        void Count(int bin)
        {
            counts.Add(bin);
            counts.EventDone();
        }
    }

    [Fact]
    public void A_reference_survives_being_written_and_read()
    {
        var watch = Watch(new());
        for (var i = 0; i < 30; i++) Observe(watch, sentiment: i / 30f, joy: 0.7f, tags: [0, 1]);
        var saved = watch.Snapshot()!;

        using var json = JsonDocument.Parse(saved.Write(s_tasks).ToJsonString());
        var read = ReferenceDistribution.Read(json.RootElement, s_tasks)!;

        Assert.Equal(30, read.Events);
        Assert.Equal(saved.TextLengths, read.TextLengths);
        foreach (var task in s_tasks)
        {
            Assert.Equal(saved.Labels[task.Name].Select(s => Math.Round(s, 6)), read.Labels[task.Name]);
            Assert.Equal(saved.Confidences[task.Name].Select(s => Math.Round(s, 6)), read.Confidences[task.Name]);
        }
    }

    [Fact]
    public void A_reference_without_a_label_of_the_model_is_refused_by_name()
    {
        using var json = JsonDocument.Parse("""{"tasks": {"sentiment": {"labels": {"negative": 1}, "confidence": [1, 2]}}}""");

        var message = Assert.Throws<InvalidDataException>(() => ReferenceDistribution.Read(json.RootElement, s_tasks)).Message;

        Assert.Contains("tasks.sentiment.labels: positive is missing", message, StringComparison.Ordinal);
        Assert.Contains("tasks.sentiment.confidence: expected an array of 10", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_an_unsure_event_it_says_in_which_tasks()
    {
        var watch = Watch(new() { Review = new Dictionary<string, double> { ["sentiment"] = 0.6, ["emotion"] = 0.4 } });

        var unsure = Observe(watch, sentiment: 0.55f, joy: 0.1f, anger: 0.3f, tags: [0]);
        var sure = Observe(watch, sentiment: 0.95f, joy: 0.9f, tags: [0]);

        Assert.Equal("sentiment=0.5500,emotion=0.3000", unsure?.Unsure);
        Assert.Null(sure);
    }

    [Fact]
    public void A_share_of_the_events_is_watched_evenly()
    {
        var watch = Watch(new() { Share = 0.25 });

        for (var i = 0; i < 100; i++) Observe(watch, sentiment: 0.9f, tags: [0]);

        Assert.Equal(25, Label("sentiment", "positive"));
    }

    [Fact]
    public void A_limit_for_a_task_that_is_not_served_is_an_error()
    {
        var options = new WatchOptions { Review = new Dictionary<string, double> { ["sentimnt"] = 0.5 } };

        Assert.Contains("sentimnt, expected some of pos, sentiment", Assert.Throws<InvalidDataException>(() => Watch(options)).Message, StringComparison.Ordinal);
    }

    private DriftMonitor Watch(WatchOptions options, ReferenceDistribution? reference = null) => new(_meters, options, s_tasks, UnknownId, reference);

    private double Label(string task, string label) =>
        _meters.Of("mtlstream.task.labels").Last(t => Equals(t.Tags["mtlstream.task"], task) && Equals(t.Tags["mtlstream.label"], label)).Value;

    private double Drift(string task) => _meters.Of("mtlstream.task.drift")
        .Last(t => Equals(t.Tags["mtlstream.task"], task) && Equals(t.Tags["mtlstream.drift.of"], "labels")).Value;

    private double Last(string name, string task) => _meters.Last(name, "mtlstream.task", task);

    private IEnumerable<string?> Low() => _meters.Of("mtlstream.task.low_confidence").Where(t => t.Value > 0).Select(t => t.Tags["mtlstream.task"] as string);

    private static ReviewChoice? Observe(
        DriftMonitor watch, float sentiment = 0, float joy = 0, float anger = 0, float intent = 0, params int[] tags)
    {
        using var text = Tokenized([.. tags.Select(_ => (10, true))]);
        using var predictions = Predict(tags, sentiment, joy, anger, intent);
        return watch.Observe(text, predictions, 0);
    }

    private static TokenizedText Tokenized((int Id, bool BeginsWord)[] ids) =>
        TokenizedText.Of([.. ids.Select((id, i) => new Token(id.Id, i, i + 1, 0, id.BeginsWord))], 2, 3);

    private static Predictions Predict(int[] tags, float sentiment, float joy, float anger, float intent)
    {
        var predictions = new Predictions(s_tasks, 1, tags.Length + 2);
        predictions.Tags(0, 0).Clear();
        predictions.TagScores(0, 0).Fill(0.75f);
        tags.CopyTo(predictions.Tags(0, 0)[1..]);
        (predictions.Probabilities(1, 0)[0], predictions.Probabilities(1, 0)[1]) = (1 - sentiment, sentiment);
        (predictions.Probabilities(2, 0)[0], predictions.Probabilities(2, 0)[1]) = (joy, anger);
        (predictions.Probabilities(3, 0)[0], predictions.Probabilities(3, 0)[1]) = (1 - intent, intent);
        return predictions;
    }
}
