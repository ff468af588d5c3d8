using MtlStream.Learning.Data;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Learning.Teaching;

/// <summary>What a run is doing, and how far it is, from 0 to 1.</summary>
public readonly record struct TeachProgress(string Step, double Share);

/// <summary>A head that was chosen, trained on all texts and calibrated.</summary>
/// <param name="Features">What it reads.</param>
/// <param name="Thresholds">Least score for each label of a task with several; empty otherwise.</param>
public sealed record TaughtHead(Head Head, FeatureSet Features, double Temperature, IReadOnlyList<float> Thresholds);

/// <summary>A head that was tried on texts left out.</summary>
/// <param name="Features">Those of all texts, and of the labels' names behind them.</param>
/// <param name="Names">Rows of the names that it learns from; none where it does without.</param>
/// <param name="Logits">Of every text, each from a head that did not learn from it: [texts, labels].</param>
internal sealed record TriedHead(
    string Name, FeatureSet Set, FeatureMatrix Features, HeadOptions Options, IReadOnlyList<int> Names, float[] Logits, double Accuracy);

/// <summary>Teaches a package a new task: encodes, chooses, trains, calibrates and scores. The package stays as it is.</summary>
public sealed class Teacher(ModelManifest manifest, TextTokenizer tokenizer, IProgress<TeachProgress>? progress = null)
{
    private const int VeryFewTexts = 500;
    private const int FewTexts = 2000;
    private const int SomeTexts = 5000;
    private const int ManyTexts = 20_000;

    private static readonly (string Name, HeadOptions Options)[] s_candidates =
    [
        ("hidden layer of 384", new()),
        ("hidden layer of 384, more dropout", new(Dropout: 0.5f, WeightDecay: 0.1f)),
        ("linear", new(Hidden: 0, Dropout: 0)),
    ];

    /// <summary>The head, and the report without what is known once the package is written.</summary>
    /// <exception cref="UsageException">The texts cannot be learnt from; says why.</exception>
    public (TaughtHead Head, LabelledSet Set, TeachReport Report) Teach(TeachRequest request, CancellationToken cancelled)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (manifest.Tasks.Any(t => t.Task.Name == request.Task))
            throw new UsageException($"--task {request.Task}: the package {manifest.Name} {manifest.Version} has a task of that name.");
        var set = LabelledSet.Of(request.Texts, request.MultiLabel);
        var targets = set.Targets();
        var test = request.Test.Count > 0 ? set.TargetsOf(request.Test) : null;
        using var encoder = new FeatureEncoder(manifest, tokenizer, Environment.ProcessorCount);
        var encoded = encoder.Encode([.. set.Texts.Select(t => t.Text), .. set.Labels.Select(LabelNames.Words)], Step("encode"), cancelled);
        var folds = CrossValidation.Folds(targets, FoldsFor(targets.Rows), request.Seed);

        var tried = Try(encoder, encoded, targets, folds, request.Seed, cancelled);
        if (LabelNames.MayHelp(set.Labels, targets.Rows)) TryNames(tried, targets, folds, request.Seed, cancelled);
        tried = [.. tried.OrderByDescending(t => t.Accuracy)];
        var best = tried[0];
        var rows = Enumerable.Range(0, targets.Rows).ToList();
        var temperature = Calibration.Temperature(best.Logits, targets, rows);
        var probabilities = Calibration.Probabilities(best.Logits, targets, temperature);
        var thresholds = request.MultiLabel ? Calibration.Thresholds(probabilities, targets, rows) : [];
        var curve = LearningCurve.Measure(best.Features, targets, best.Options, folds, request.Seed, cancelled);
        var head = HeadTrainer.Train(best.Features, targets.WithNames(), [.. rows, .. best.Names], best.Options, request.Seed, Step("train"), cancelled);

        var taught = new TaughtHead(head, best.Set, temperature, thresholds);
        return (taught, set, new(
            request.Task, request.Kind, targets.Rows, set.Labels, TimeSpan.Zero, FindingsOf(set, request.Test),
            [.. tried.Select(t => new Candidate(t.Name, t.Accuracy))],
            TaughtScores.Of(probabilities, targets, rows, set.Labels, thresholds),
            test is null ? null : TestScores(taught, encoder, request.Test, test, set.Labels, cancelled),
            curve, ProbableMistake.In(set, targets, probabilities), SeenLabels.In(probabilities, thresholds, targets.Labels), OldOutputsIdentical: false, TextsCompared: 0, Package: ""));
    }

    private static int FoldsFor(int texts) => texts <= FewTexts ? 5 : 3;

    /// <summary>Steps that a head is trained for: many passes over few texts, few over many.</summary>
    private static int StepsFor(int texts) => texts switch
    {
        <= VeryFewTexts => 200,
        <= FewTexts => 400,
        <= SomeTexts => 800,
        <= ManyTexts => 1500,
        _ => 3000,
    };

    private static List<DataFinding> FindingsOf(LabelledSet set, IReadOnlyList<LabelledExample> test) =>
        [.. set.Findings, .. test.Count > 0 && set.LeakageInto(test) is { } leakage ? [leakage] : Array.Empty<DataFinding>()];

    private List<TriedHead> Try(
        FeatureEncoder encoder, FeatureMatrix encoded, LabelTargets targets, IReadOnlyList<int[]> folds, int seed, CancellationToken cancelled)
    {
        var tried = new List<TriedHead>();
        foreach (var set in encoder.Sets)
        {
            var features = encoder.Columns(set, encoded);
            // The first set says most as a rule: it is tried with every head, the others with the first one.
            foreach (var (shape, options) in tried.Count == 0 ? s_candidates : s_candidates[..1])
            {
                var name = $"{set.Name}, {shape}";
                var sized = options with { Steps = StepsFor(targets.Rows), Threads = Environment.ProcessorCount };
                var logits = CrossValidation.Logits(features, targets, sized, folds, always: [], seed, Step($"try {name}"), cancelled);
                tried.Add(new(name, set, features, sized, Names: [], logits, Accuracy(logits, targets)));
            }
        }

        return tried;
    }

    /// <summary>Tries the best head once more, with the labels' names among what it learns from.</summary>
    private void TryNames(List<TriedHead> tried, LabelTargets targets, IReadOnlyList<int[]> folds, int seed, CancellationToken cancelled)
    {
        var best = tried.MaxBy(t => t.Accuracy)!;
        var name = best.Name + ", names of labels";
        var names = Enumerable.Range(targets.Rows, targets.Labels).ToList();
        var logits = CrossValidation.Logits(best.Features, targets.WithNames(), best.Options, folds, names, seed, Step($"try {name}"), cancelled);
        tried.Add(best with { Name = name, Names = names, Logits = logits, Accuracy = Accuracy(logits, targets) });
    }

    private static double Accuracy(float[] logits, LabelTargets targets)
    {
        var rows = Enumerable.Range(0, targets.Rows).ToList();
        var probabilities = Calibration.Probabilities(logits, targets, temperature: 1);
        var thresholds = targets.MultiLabel ? Calibration.Thresholds(probabilities, targets, rows) : [];
        var names = Enumerable.Range(0, targets.Labels).Select(l => l.ToString(System.Globalization.CultureInfo.InvariantCulture)).ToList();
        var scores = TaughtScores.Of(probabilities, targets, rows, names, thresholds);
        return targets.MultiLabel ? scores.MacroF1.Value : scores.Accuracy.Value;
    }

    private static TaughtScores TestScores(
        TaughtHead taught, FeatureEncoder encoder, IReadOnlyList<LabelledExample> test, LabelTargets targets, IReadOnlyList<string> labels, CancellationToken cancelled)
    {
        var features = encoder.Columns(taught.Features, encoder.Encode([.. test.Select(t => t.Text)], progress: null, cancelled));
        var rows = Enumerable.Range(0, test.Count).ToList();
        var probabilities = Calibration.Probabilities(taught.Head.Logits(features, rows), targets, taught.Temperature);
        return TaughtScores.Of(probabilities, targets, rows, labels, taught.Thresholds);
    }

    private Progress<double>? Step(string step) => progress is null ? null : new(share => progress.Report(new(step, share)));
}
