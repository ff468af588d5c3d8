using MtlStream.Learning.Data;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Learning.Teaching;

/// <summary>What a run is doing, and how far it is, from 0 to 1.</summary>
public readonly record struct TeachProgress(string Step, double Share);

/// <summary>Teaches a package a new task about texts: encodes, chooses, trains, calibrates and scores. The package stays as it is.</summary>
public sealed class Teacher
{
    private const int FewTexts = 2000;
    private const int TextsForChoice = 3000;
    private const int MostUnlabelled = 10_000;

    private readonly ModelManifest _manifest;
    private readonly Func<ITextEncoder> _encoder;
    private readonly IProgress<TeachProgress>? _progress;

    public Teacher(ModelManifest manifest, TextTokenizer tokenizer, IProgress<TeachProgress>? progress = null)
        : this(manifest, () => new FeatureEncoder(manifest, tokenizer, Environment.ProcessorCount), progress)
    {
    }

    /// <param name="encoder">Opens what texts are encoded by.</param>
    internal Teacher(ModelManifest manifest, Func<ITextEncoder> encoder, IProgress<TeachProgress>? progress = null) =>
        (_manifest, _encoder, _progress) = (manifest, encoder, progress);

    /// <summary>What is taught; the report is without what is known once the package is written.</summary>
    /// <exception cref="UsageException">The texts cannot be learnt from; says why.</exception>
    public Taught Teach(TeachRequest request, CancellationToken cancelled)
    {
        ArgumentNullException.ThrowIfNull(request);
        var set = LabelledSet.Of(request.Texts, request.MultiLabel);
        var targets = set.Targets();
        var test = request.Test.Count > 0 ? set.TargetsOf(request.Test) : null;
        var findings = set.Findings.ToList();
        if (request.Test.Count > 0 && set.LeakageInto(request.Test) is { } leakage) findings.Add(leakage);
        var unlabelled = Unlabelled(request, set, findings);

        using var encoder = _encoder();
        var texts = set.Texts.Select(t => t.Text).ToList();
        var encoded = encoder.Encode([.. texts, .. set.Labels.Select(LabelNames.Words), .. unlabelled], Step("encode"), cancelled);
        var lesson = new Lesson(targets, unlabelled.Count);
        if (encoder.OldLabels(encoded) is { } oldLabels) findings.AddRange(SameLabels.Find(_manifest, set.Labels, targets, oldLabels));
        var some = Some(targets, request.Seed);
        var folds = CrossValidation.Folds(targets, some, FoldsFor(some.Length), request.Seed);
        var choice = new HeadChoice(lesson, request.Seed, Step("choose"), cancelled);
        var chosen = choice.Choose(encoder.Sets, s => encoder.Columns(s, encoded), folds, LabelNames.MayHelp(set.Labels, targets.Rows));
        var logits = TaughtHead.Mean([.. chosen.Members.Select(m => m.Logits)]);
        if (some.Length < targets.Rows)
        {
            folds = CrossValidation.Folds(targets, FoldsFor(targets.Rows), request.Seed);
            chosen = chosen with { Members = [.. chosen.Members.Select(m => m with { Options = Lesson.Sized(m.Options, targets.Rows) })] };
            logits = Across(chosen, lesson, folds, request.Seed, cancelled);
        }

        var temperature = Calibration.Temperature(logits, targets, lesson.Rows);
        var self = new SelfTraining(lesson, chosen, request.Seed, Step("try texts without labels"), cancelled);
        var helps = unlabelled.Count > 0 && Helps(self, folds, temperature, lesson, ref logits, ref chosen);
        var heads = helps
            ? self.Train(lesson.Rows, temperature, request.Seed)
            : Train(chosen, lesson, lesson.Rows, request.Seed, Step("train"), cancelled);
        if (helps) temperature = Calibration.Temperature(logits, targets, lesson.Rows);
        var probabilities = Calibration.Probabilities(logits, targets, temperature);
        var thresholds = request.MultiLabel ? Calibration.Thresholds(probabilities, targets, lesson.Rows) : [];
        var scores = TaughtScores.Of(probabilities, targets, lesson.Rows, set.Labels, thresholds);
        var curve = Curve(chosen, lesson, folds, scores, request.Seed, cancelled);

        var taught = new TaughtHead([.. heads.Zip(chosen.Members, (head, m) => new TaughtMember(head, m.Set))], temperature, thresholds);
        var report = new TeachReport(
            request.Task, request.Kind, targets.Rows, set.Labels, TimeSpan.Zero, findings, [.. chosen.Members.Select(m => m.Name)], chosen.Tried, scores,
            test is null ? null : TestScores(taught, encoder, request.Test, test, set.Labels, cancelled),
            curve, ProbableMistake.In(set, targets, probabilities), SeenLabels.In(probabilities, thresholds, targets.Labels),
            OldOutputsIdentical: false, TextsCompared: 0, Package: "");
        return new(taught, report, texts, [.. set.Texts.Select(t => new { text = t.Text, label = t.Labels })]);
    }

    private static int FoldsFor(int texts) => texts <= FewTexts ? 5 : 3;

    /// <summary>The texts that the choice is made on: of many a part in which every label has its share.</summary>
    private static int[] Some(LabelTargets targets, int seed) =>
        CrossValidation.Folds(targets, Math.Max(1, targets.Rows / TextsForChoice), seed)[0];

    private static List<string> Unlabelled(TeachRequest request, LabelledSet set, List<DataFinding> findings)
    {
        var known = set.Texts.Select(t => t.Text).Concat(request.Test.Select(t => t.Text)).ToHashSet();
        var texts = request.Unlabelled.Where(t => !string.IsNullOrWhiteSpace(t) && !known.Contains(t)).Distinct().ToArray();
        if (texts.Length <= MostUnlabelled) return [.. texts];
        new Random(request.Seed).Shuffle(texts);
        findings.Add(new("unlabelled", $"{MostUnlabelled} of {texts.Length} texts without labels are used, drawn at random."));
        return [.. texts[..MostUnlabelled]];
    }

    private static Head[] Train(
        ChosenHeads chosen, Lesson lesson, int[] rows, int seed, IProgress<double>? progress, CancellationToken cancelled)
    {
        progress?.Report(0);
        return SideBySide.Run(chosen.Members.Count, i => lesson.Train(chosen.Members[i], rows, chosen.Names, seed, cancelled), cancelled);
    }

    /// <summary>Mean logits of all texts, each by heads that did not learn from it.</summary>
    private float[] Across(ChosenHeads chosen, Lesson lesson, IReadOnlyList<int[]> folds, int seed, CancellationToken cancelled)
    {
        _progress?.Report(new("cross-validate", 0));
        return TaughtHead.Mean(
        [
            .. chosen.Members.Select(m => CrossValidation.Logits(
                m.Features, folds, lesson.Targets.Rows, lesson.Targets.Labels,
                (rows, fold) => lesson.Train(m, rows, chosen.Names, seed + fold, cancelled), cancelled)),
        ]);
    }

    private static bool Helps(
        SelfTraining self, IReadOnlyList<int[]> folds, double temperature, Lesson lesson, ref float[] logits, ref ChosenHeads chosen)
    {
        var with = self.Logits(folds, temperature);
        var (before, after) = (lesson.Accuracy(logits, lesson.Rows), lesson.Accuracy(with, lesson.Rows));
        chosen = chosen with { Tried = [new("with texts without labels", after), .. chosen.Tried] };
        if (after <= before) return false;
        logits = with;
        return true;
    }

    private LearningCurve Curve(
        ChosenHeads chosen, Lesson lesson, IReadOnlyList<int[]> folds, TaughtScores scores, int seed, CancellationToken cancelled)
    {
        var train = CrossValidation.Others(folds, 0);
        _progress?.Report(new("learning curve", 0));
        return LearningCurve.Of(lesson.Targets.Rows, train.Length, scores.Accuracy.Value, share =>
        {
            var rows = train[..(int)(train.Length * share)];
            var sized = chosen with { Members = [.. chosen.Members.Select(m => m with { Options = Lesson.Sized(m.Options, rows.Length) })] };
            var heads = Train(sized, lesson, rows, seed, progress: null, cancelled);
            var logits = TaughtHead.Mean([.. heads.Zip(sized.Members, (head, m) => head.Logits(m.Features, folds[0]))]);
            return Calibration.Accuracy(logits, lesson.Targets, folds[0]);
        });
    }

    private static TaughtScores TestScores(
        TaughtHead taught, ITextEncoder encoder, IReadOnlyList<LabelledExample> test, LabelTargets targets, IReadOnlyList<string> labels, CancellationToken cancelled)
    {
        var encoded = encoder.Encode([.. test.Select(t => t.Text)], progress: null, cancelled);
        var rows = Enumerable.Range(0, test.Count).ToList();
        var logits = taught.Logits(set => encoder.Columns(set, encoded), rows);
        return TaughtScores.Of(Calibration.Probabilities(logits, targets, taught.Temperature), targets, rows, labels, taught.Thresholds);
    }

    private Progress<double>? Step(string step) => _progress is null ? null : new Progress<double>(share => _progress.Report(new(step, share)));
}
