using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>Heads that learn from what other heads say of texts without labels. Kept where cross-validation says that it helps.</summary>
/// <remarks>
/// Soft guesses, as in distillation, made surer than they are: Xie et al. 2020, https://arxiv.org/abs/1911.04252, and Berthelot et al. 2019,
/// https://arxiv.org/abs/1905.02249. With ten texts a label BANKING77 gained twice as much by surer ones.
/// </remarks>
internal sealed class SelfTraining(Lesson lesson, ChosenHeads chosen, int seed, IProgress<double>? progress, CancellationToken cancelled)
{
    private const double Sharpness = 0.5;

    /// <summary>Mean logits of all texts by heads that learnt so from the other folds: [all texts, labels].</summary>
    /// <param name="temperature">Of the heads that guess.</param>
    public float[] Logits(IReadOnlyList<int[]> folds, double temperature)
    {
        var targets = lesson.Targets;
        var logits = new float[targets.Rows * targets.Labels];
        var done = 0;
        SideBySide.Run(folds.Count, Score, cancelled);
        return logits;

        void Score(int fold)
        {
            var heads = Train(CrossValidation.Others(folds, fold), temperature, seed + fold);
            var found = TaughtHead.Mean([.. heads.Select((head, i) => head.Logits(chosen.Members[i].Features, folds[fold]))]);
            CrossValidation.Put(found, folds[fold], targets.Labels, logits);
            progress?.Report((double)Interlocked.Increment(ref done) / folds.Count);
        }
    }

    /// <summary>A head for each member.</summary>
    public Head[] Train(int[] rows, double temperature, int seed)
    {
        var members = chosen.Members;
        var guessing = SideBySide.Run(
            members.Count, i => lesson.Train(members[i], rows, chosen.Names, seed, cancelled).Logits(members[i].Features, lesson.Unlabelled), cancelled);
        var guesses = Calibration.Probabilities(TaughtHead.Mean(guessing), lesson.Targets, Sharpness * temperature);
        return SideBySide.Run(members.Count, i => lesson.Train(members[i], rows, chosen.Names, guesses, seed, cancelled), cancelled);
    }
}
