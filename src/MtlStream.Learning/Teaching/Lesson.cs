using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>What heads learn from: texts with labels, the labels' names behind them, and texts without labels behind those.</summary>
/// <param name="targets">Of the texts with labels.</param>
/// <param name="unlabelled">Number of texts without labels.</param>
internal sealed class Lesson(LabelTargets targets, int unlabelled)
{
    private const int AHandful = 60;
    private const int VeryFewTexts = 500;
    private const int FewTexts = 2000;
    private const int SomeTexts = 5000;
    private const int ManyTexts = 20_000;
    private const int FewestStepsWithGuesses = 500;

    private readonly LabelTargets _withNames = targets.WithNames();

    public LabelTargets Targets { get; } = targets;

    /// <summary>Rows of the texts with labels.</summary>
    public int[] Rows { get; } = [.. Enumerable.Range(0, targets.Rows)];

    /// <summary>Rows of the labels' names.</summary>
    public int[] Names { get; } = [.. Enumerable.Range(targets.Rows, targets.Labels)];

    /// <summary>Rows of the texts without labels.</summary>
    public int[] Unlabelled { get; } = [.. Enumerable.Range(targets.Rows + targets.Labels, unlabelled)];

    /// <summary>A head for so many texts: many passes over few texts, few over many.</summary>
    public static HeadOptions Sized(HeadOptions options, int texts) => options with { Steps = StepsFor(texts) };

    /// <summary>Trains a head on some texts.</summary>
    public Head Train(TriedHead head, int[] rows, bool names, int seed, CancellationToken cancelled) =>
        HeadTrainer.Train(head.Features, _withNames, names ? [.. rows, .. Names] : rows, head.Options, seed, guessed: null, progress: null, cancelled);

    /// <summary>Trains a head on some texts, and on what heads say of those without labels.</summary>
    /// <param name="guesses">[texts without labels, labels].</param>
    public Head Train(TriedHead head, int[] rows, bool names, float[] guesses, int seed, CancellationToken cancelled) => HeadTrainer.Train(
        head.Features, _withNames.WithGuesses(guesses), names ? [.. rows, .. Names] : rows,
        head.Options with { Steps = Math.Max(FewestStepsWithGuesses, head.Options.Steps) }, seed, Unlabelled, progress: null, cancelled);

    /// <summary>What a choice goes by: accuracy, or for several labels macro F1.</summary>
    /// <param name="logits">[all texts, labels].</param>
    public double Accuracy(float[] logits, int[] rows)
    {
        var some = Calibration.Rows(logits, rows, Targets.Labels);
        if (!Targets.MultiLabel) return Calibration.Accuracy(some, Targets, rows);
        var probabilities = Calibration.Probabilities(some, Targets, temperature: 1);
        return TaughtScores.MacroF1Of(probabilities, Targets, rows, Calibration.Thresholds(probabilities, Targets, rows));
    }

    private static int StepsFor(int texts) => texts switch
    {
        <= AHandful => 80,
        <= VeryFewTexts => 200,
        <= FewTexts => 400,
        <= SomeTexts => 800,
        <= ManyTexts => 1500,
        _ => 3000,
    };
}
