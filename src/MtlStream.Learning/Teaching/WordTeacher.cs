using MtlStream.Learning.Data;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Learning.Teaching;

/// <summary>What is to be taught about words.</summary>
/// <param name="Task">Name of the new task.</param>
/// <param name="Spans">Labels are BIO.</param>
/// <param name="Test">Sentences that only the last score sees; none for cross-validation alone.</param>
/// <param name="Seed">Makes a run repeatable.</param>
public sealed record TeachWordsRequest(
    string Task, IReadOnlyList<LabelledSentence> Sentences, bool Spans, IReadOnlyList<LabelledSentence> Test, int Seed = 1)
{
    /// <summary>Name of the task's kind in the manifest.</summary>
    public string Kind => Spans ? "token_spans" : "token_tags";
}

/// <summary>Teaches a package to label words: encodes, chooses, trains, calibrates and scores. The package stays as it is.</summary>
public sealed class WordTeacher(ModelManifest manifest, TextTokenizer tokenizer, IProgress<TeachProgress>? progress = null)
{
    private const int MostWords = 150_000; // in memory at once
    private const int WordsForChoice = 15_000;
    private const int WordsForTemperature = 10_000;
    private const int Folds = 3;
    private const int FewestSteps = 150, MostSteps = 3000;
    private const int Passes = 12;

    private static readonly (string Name, HeadOptions Options)[] s_candidates =
    [
        ("hidden layer of 192", new(Hidden: 192, BatchSize: 256, LearningRate: 2e-3f)),
        ("linear", new(Hidden: 0, Dropout: 0, BatchSize: 256, LearningRate: 2e-3f)),
    ];

    /// <summary>What is taught; the report is without what is known once the package is written.</summary>
    /// <exception cref="UsageException">The sentences cannot be learnt from; says why.</exception>
    public Taught Teach(TeachWordsRequest request, CancellationToken cancelled)
    {
        ArgumentNullException.ThrowIfNull(request);
        var set = SentenceSet.Of(request.Sentences, request.Spans);
        set.CheckLabelsOf(request.Test);
        var findings = set.Findings.ToList();
        if (request.Test.Count > 0 && set.LeakageInto(request.Test) is { } leakage) findings.Add(leakage);
        var sentences = Within(set.Sentences, request.Seed, findings);

        using var encoder = new WordEncoder(manifest, tokenizer, Environment.ProcessorCount);
        var texts = sentences.Select(s => s.Text).ToList();
        var encoded = encoder.Encode(texts, Step("encode"), cancelled);
        var labels = new WordLabels(set, sentences, encoded);
        var folds = CrossValidation.Parts(sentences.Count, Folds, request.Seed);
        var (candidates, options) = Choose(encoded.Features, labels, folds, request.Seed, cancelled);

        var rowFolds = folds.Select(labels.RowsOf).ToList();
        progress?.Report(new("cross-validate", 0));
        var logits = CrossValidation.Logits(
            encoded.Features, rowFolds, encoded.Words.Count, set.Labels.Count,
            (train, fold) => HeadTrainer.Train(encoded.Features, labels.Targets, train, Sized(options, train.Length), request.Seed + fold, guessed: null, progress: null, cancelled), cancelled);
        var rows = rowFolds.SelectMany(f => f).ToList();
        var temperature = TemperatureOf(logits, labels.Targets, rows);
        var probabilities = Calibration.Probabilities(logits, labels.Targets, temperature);
        var scores = labels.Scores(probabilities);
        var curve = Curve(encoded.Features, labels, options, folds, scores, request.Seed, cancelled);
        var head = HeadTrainer.Train(encoded.Features, labels.Targets, rows, Sized(options, rows.Count), request.Seed, guessed: null, Step("train"), cancelled);

        var taught = new TaughtHead([new(head, encoder.Set)], temperature, []);
        var test = request.Test.Count == 0 ? null : TestScores(taught, encoder, set, request.Test, cancelled);
        var seen = SeenLabels.In(Calibration.Rows(probabilities, rows, set.Labels.Count), [], set.Labels.Count);
        var mistakes = ProbableMistake.Surest(labels.Doubts(probabilities).Select(d => new ProbableMistake(sentences[d.Sentence].Line, d.Label, d.Expected, d.Confidence, d.OfLabel)));
        var report = new TeachReport(
            request.Task, request.Kind, set.Sentences.Count, set.Labels, TimeSpan.Zero, findings, [candidates[0].Name], candidates, scores, test, curve, mistakes, seen,
            OldOutputsIdentical: false, TextsCompared: 0, Package: "");
        return new(taught, report, texts, [.. set.Sentences.Select(s => new { text = s.Text, label = s.Ranges(request.Spans) })]);
    }

    /// <summary>As many sentences as there is memory for.</summary>
    private static List<LabelledSentence> Within(IReadOnlyList<LabelledSentence> sentences, int seed, List<DataFinding> findings)
    {
        if (sentences.Sum(s => s.Words.Count) <= MostWords) return [.. sentences];
        var shuffled = sentences.ToArray();
        new Random(seed).Shuffle(shuffled);
        var kept = new List<LabelledSentence>();
        var words = 0;
        foreach (var sentence in shuffled.TakeWhile(s => (words += s.Words.Count) <= MostWords)) kept.Add(sentence);
        findings.Add(new("many words", $"learnt from {kept.Count} of {sentences.Count} sentences, drawn at random: more than {MostWords} words do not fit into memory."));
        return kept;
    }

    /// <summary>Tries the heads on some of the sentences.</summary>
    private (List<Candidate> Tried, HeadOptions Best) Choose(
        FeatureMatrix features, WordLabels labels, IReadOnlyList<int[]> folds, int seed, CancellationToken cancelled)
    {
        var few = folds.Select(f => Few(labels.RowsOf(f), WordsForChoice / Folds)).ToList();
        var train = few.Skip(1).SelectMany(f => f).ToList();
        progress?.Report(new("choose", 0));
        var accuracies = SideBySide.Run(
            s_candidates.Length, i => HeadTrainer.Train(features, labels.Targets, train, Sized(s_candidates[i].Options, train.Count), seed, cancelled: cancelled), cancelled)
            .Select(head => Calibration.Accuracy(head.Logits(features, few[0]), labels.Targets, few[0]));
        var tried = s_candidates.Zip(accuracies, (c, accuracy) => (Candidate: new Candidate(c.Name, accuracy), c.Options)).OrderByDescending(t => t.Candidate.Accuracy).ToList();
        return ([.. tried.Select(t => t.Candidate)], tried[0].Options);
    }

    private LearningCurve Curve(
        FeatureMatrix features, WordLabels labels, HeadOptions options, IReadOnlyList<int[]> folds, TaughtScores scores, int seed, CancellationToken cancelled)
    {
        var train = folds.Skip(1).SelectMany(f => f).ToArray();
        var test = labels.RowsOf(folds[0]);
        return LearningCurve.Of(labels.First.Count - 1, train.Length, scores.Accuracy.Value, share =>
        {
            var rows = labels.RowsOf(train[..(int)(train.Length * share)]);
            var head = HeadTrainer.Train(features, labels.Targets, rows, Sized(options, rows.Length), seed, guessed: null, Step("learning curve"), cancelled);
            return Calibration.Accuracy(head.Logits(features, test), labels.Targets, test);
        });
    }

    private static TaughtScores TestScores(
        TaughtHead taught, WordEncoder encoder, SentenceSet set, IReadOnlyList<LabelledSentence> test, CancellationToken cancelled)
    {
        var encoded = encoder.Encode([.. test.Select(t => t.Text)], progress: null, cancelled);
        var labels = new WordLabels(set, test, encoded);
        var logits = taught.Logits(_ => encoded.Features, [.. Enumerable.Range(0, encoded.Words.Count)]);
        return labels.Scores(Calibration.Probabilities(logits, labels.Targets, taught.Temperature));
    }

    private static double TemperatureOf(float[] logits, LabelTargets targets, List<int> rows)
    {
        var some = Few([.. rows], WordsForTemperature);
        return Calibration.Temperature(Calibration.Rows(logits, some, targets.Labels), targets, some);
    }

    /// <summary>Some rows, evenly spread.</summary>
    private static int[] Few(int[] rows, int most)
    {
        var step = Math.Max(1, (rows.Length + most - 1) / most);
        return [.. rows.Where((_, i) => i % step == 0)];
    }

    private static HeadOptions Sized(HeadOptions options, int words) => options with
    {
        Steps = Math.Clamp(Passes * words / options.BatchSize, FewestSteps, MostSteps),
    };

    private Progress<double>? Step(string step) => progress is null ? null : new Progress<double>(share => progress.Report(new(step, share)));
}
