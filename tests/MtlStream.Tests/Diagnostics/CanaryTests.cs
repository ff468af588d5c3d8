using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Batching;
using MtlStream.Learning.Review;
using MtlStream.Models;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Diagnostics;

/// <summary>A candidate on a share of the stream: nothing is lost by it, and a worse one goes.</summary>
public sealed class CanaryTests : IDisposable
{
    private const int Batches = 4000;

    private static readonly CanaryGates s_gates = new(Events: 200, MostDrift: 0.25, MostSlowdown: 1000);

    private readonly ToyPackage _package = new ToyPackage().Edit(manifest => manifest["version"] = "2");
    private readonly MeterRecorder _meters = new();
    private readonly FakeLogger _log = new();

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public void A_candidate_like_the_version_before_scores_its_share_and_passes()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var canary = Try(swap, new LabellingModel("2"));

        var versions = Score(swap, Batches);

        Assert.InRange(versions.Count(v => v == "2"), 300, 500); // a tenth
        Assert.Equal(versions.Count(v => v == "2"), canary.Events);
        Assert.True(canary.HasPassed, canary.Worse);
        swap.Promote();
        Assert.Equal("2", swap.Identity.Version);
        Assert.Equal(["2"], Score(swap, 20).Distinct());
    }

    [Fact]
    public void A_candidate_with_other_labels_scores_nothing_more_once_it_is_judged()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var canary = Try(swap, new LabellingModel("2") { IsHigh = _ => true });

        var versions = Score(swap, Batches);

        Assert.Contains("mood: its labels differ", canary.Worse, StringComparison.Ordinal);
        Assert.Equal(Batches, versions.Count);
        Assert.InRange(versions.Count(v => v == "2"), 200, 256);
        Assert.DoesNotContain("2", versions.Skip(versions.LastIndexOf("2") + 1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_candidate_fails_on_or_says_without_sense_is_scored_by_the_version_before(bool throws)
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var canary = Try(swap, throws ? new LabellingModel("2") { Throws = true } : new LabellingModel("2") { Score = float.NaN });

        var versions = Score(swap, 500);

        Assert.Equal(500, versions.Count);
        Assert.Equal(["1"], versions.Distinct());
        Assert.Contains("failed on 3 batches", canary.Worse, StringComparison.Ordinal);
    }

    [Fact]
    public void A_candidate_that_takes_too_long_is_rolled_back()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var canary = Try(swap, new LabellingModel("2") { Spins = 100_000 }, s_gates with { MostSlowdown = 3 });

        Score(swap, Batches);

        Assert.Contains("times as long a token", canary.Worse, StringComparison.Ordinal);
    }

    [Fact]
    public void A_candidate_that_appears_is_tried_and_rolled_back_and_says_why()
    {
        var candidate = new LabellingModel("2") { IsHigh = _ => true };
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, candidate);

        run.Look();
        Assert.Equal(("2", "running"), (run.Status!.Version, run.Status.State));
        Score(swap, Batches);
        run.Look();

        Assert.Equal("rolled_back", run.Status.State);
        Assert.Contains("labels differ", run.Status.Reason, StringComparison.Ordinal);
        Assert.True(candidate.Disposed);
        Assert.Null(swap.Canary);
        Assert.Contains(_log.Collector.GetSnapshot(), line => line.Id.Id == 1024);
        Assert.Equal(1, _meters.Of("mtlstream.canary.outcomes").Where(t => Equals(t.Tags["mtlstream.canary.outcome"], "rolled_back")).Sum(t => t.Value));
        run.Look();
        Assert.Null(swap.Canary); // the same files are not tried again
    }

    [Fact]
    public void A_candidate_that_passed_serves_everything_where_that_is_asked_for()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, new LabellingModel("2"), promote: true);
        run.Look();

        Score(swap, Batches);
        run.Look();

        Assert.Equal(("promoted", "2"), (run.Status!.State, swap.Identity.Version));
    }

    [Fact]
    public void A_person_promotes_what_has_passed_and_nothing_before()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, new LabellingModel("2"));
        Assert.Equal("no candidate is being tried", run.Promote());
        run.Look();
        Assert.Equal("the candidate has scored 0 of the 200 events that its gates ask for", run.Promote());
        Score(swap, Batches);

        Assert.Null(run.Promote());

        Assert.Equal(("promoted", "2"), (run.Status!.State, swap.Identity.Version));
        Assert.Equal(["2"], Score(swap, 20).Distinct());
    }

    [Fact]
    public void A_person_cannot_promote_what_is_worse()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, new LabellingModel("2") { IsHigh = _ => true });
        run.Look();
        Score(swap, Batches);

        Assert.Contains("was rolled back: mood: its labels differ", run.Promote(), StringComparison.Ordinal);

        Assert.Equal(["1"], Score(swap, 20).Distinct());
    }

    [Fact]
    public void A_person_ends_a_trial()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, new LabellingModel("2"));
        run.Look();

        Assert.Null(run.RollBack(() => throw new InvalidOperationException("nothing was promoted")));

        Assert.Equal(("rolled_back", "taken back by hand"), (run.Status!.State, run.Status.Reason));
        Assert.Equal(["1"], Score(swap, 20).Distinct());
        Assert.Equal("no candidate is being tried, and none was promoted", run.RollBack(() => true));
    }

    [Fact]
    public void A_person_goes_back_from_what_was_promoted()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, new LabellingModel("2"), promote: true);
        run.Look();
        Score(swap, Batches);
        run.Look();

        Assert.Equal("the version before could not be loaded; the log says why", run.RollBack(() => false));
        Assert.Null(run.RollBack(() => swap.TrySwap(new LabellingModel("1"), out _)));

        Assert.Equal(("rolled_back", "1"), (run.Status!.State, swap.Identity.Version));
    }

    [Fact]
    public void A_candidate_that_people_find_worse_is_rolled_back()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var book = new AnswerBook();
        foreach (var (version, right) in new[] { ("1", 95), ("2", 60) })
        {
            for (var i = 0; i < 100; i++)
                book.Add(new($"{version}/{i}", "mood", [i < right ? "high" : "low"], "anna", DateTimeOffset.UnixEpoch) { Given = ["high"], Model = new("toy", version), Probability = 0.01 });
        }

        var run = Run(swap, new LabellingModel("2"), worse: candidate => AnsweredQuality.Worse(book, candidate, swap.Identity));
        run.Look();
        run.Look();

        Assert.Equal("rolled_back", run.Status!.State);
        Assert.Contains("by people's answers", run.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_candidate_that_cannot_be_loaded_is_refused_and_the_version_before_goes_on()
    {
        using var swap = new ModelSwap(new LabellingModel("1"));
        var run = Run(swap, load: _ => throw new InvalidDataException("not what its manifest says"));

        run.Look();

        Assert.Equal("refused", run.Status!.State);
        Assert.Equal(["1"], Score(swap, 20).Distinct());
    }

    [Fact]
    public void Another_version_that_serves_ends_the_trial()
    {
        var candidate = new LabellingModel("2");
        using var swap = new ModelSwap(new LabellingModel("1"));
        Try(swap, candidate);

        Assert.True(swap.TrySwap(new LabellingModel("3"), out _));

        Assert.True(candidate.Disposed);
        Assert.Equal(["3"], Score(swap, 50).Distinct());
    }

    private CanaryRun Run(
        ModelSwap swap, LabellingModel? candidate = null, bool promote = false, Func<ModelIdentity, string?>? worse = null, Func<ModelManifest, IMultitaskModel>? load = null)
    {
        var serving = ModelManifest.Load(_package.Folder).WithEveryChecksum();
        return new(
            swap, new(_package.Folder, 0.1, s_gates, promote), () => serving, load ?? (_ => candidate!), _ => { }, worse ?? (_ => null),
            new CanaryMetrics(_meters), new FakeTimeProvider(), _log);
    }

    private static Canary Try(ModelSwap swap, LabellingModel candidate, CanaryGates? gates = null)
    {
        var canary = new Canary(candidate.Identity, swap.Tasks, candidate.Tasks, 0.1, gates ?? s_gates);
        Assert.True(swap.TryTrial(candidate, canary, out _));
        return canary;
    }

    /// <summary>Has batches of one text scored, as the pipeline does, and says by which version each was.</summary>
    private static List<string> Score(ModelSwap swap, int batches)
    {
        var versions = new List<string>();
        for (var i = 0; i < batches; i++)
        {
            using var text = TokenizedText.Of([new(i % 7, 0, 1, 0, true)], 2, 3);
            using var predictions = swap.Predict(new([new(text, 0)], text.SequenceLength(0), BatchTrigger.DeviceFree), 0);
            predictions.Trial?.Observe(text, predictions, 0);
            versions.Add(predictions.Model!.Version);
        }

        return versions;
    }

    /// <summary>Says high of some texts, by their first token.</summary>
    private sealed class LabellingModel(string version) : IMultitaskModel
    {
        public ModelIdentity Identity { get; } = new("toy", version, "cpu");
        public IReadOnlyList<ModelTask> Tasks { get; } = [new SingleLabelTask("mood", ["low", "high"])];
        public BatchShape Shape { get; } = new(32, 4096, []);
        public int Workers => 2;
        public Func<int, bool> IsHigh { get; init; } = token => token < 3;
        public float Score { get; init; } = 0.9f;
        public bool Throws { get; init; }
        public int Spins { get; init; }
        public bool Disposed { get; private set; }

        public Predictions Predict(TokenBatch batch, int worker)
        {
            ObjectDisposedException.ThrowIf(Disposed, this);
            if (Throws) throw new InferenceException("out of order");
            Thread.SpinWait(Spins);
            var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
            var high = IsHigh(batch.Sequences[0].Tokens.Tokens[0].Id) ? 1 : 0;
            predictions.Probabilities(0, 0)[high] = Score;
            predictions.Probabilities(0, 0)[1 - high] = 0.1f;
            return predictions;
        }

        public void Probe(int worker)
        {
        }

        public void Dispose() => Disposed = true;
    }
}
