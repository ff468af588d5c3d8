using MtlStream.Learning.Features;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>A head that is tried on texts left out.</summary>
/// <param name="Features">Those of all texts, and of what lies behind them.</param>
internal sealed record TriedHead(string Name, FeatureSet Set, FeatureMatrix Features, HeadOptions Options)
{
    /// <summary>Of the texts that were scored, each from a head that did not learn from it: [all texts, labels].</summary>
    public float[] Logits { get; set; } = [];

    /// <summary>On the texts scored so far.</summary>
    public double Accuracy { get; set; }
}

/// <summary>What a choice came to.</summary>
/// <param name="Members">The heads whose mean is taught.</param>
/// <param name="Names">Whether they learn from the labels' names too.</param>
internal sealed record ChosenHeads(IReadOnlyList<Candidate> Tried, IReadOnlyList<TriedHead> Members, bool Names);

/// <summary>Chooses heads by cross-validation: all run on one fold, the best on all of them, and the mean of the best ones if it is as good.</summary>
/// <param name="lesson">What is learnt from.</param>
internal sealed class HeadChoice(Lesson lesson, int seed, IProgress<double>? progress, CancellationToken cancelled)
{
    private const int MostMembers = 3;
    private const double FarBehind = 0.1;

    private static readonly (string Name, HeadOptions Options)[] s_shapes =
    [
        ("hidden layer of 384", new()),
        ("hidden layer of 384, more dropout", new(Dropout: 0.5f, WeightDecay: 0.1f)),
        ("linear", new(Hidden: 0, Dropout: 0)),
    ];

    /// <param name="sets">Features that may be learnt on.</param>
    /// <param name="folds">Of the texts that the choice is made on.</param>
    /// <param name="names">Whether the labels' names are tried.</param>
    public ChosenHeads Choose(IReadOnlyList<FeatureSet> sets, Func<FeatureSet, FeatureMatrix> features, IReadOnlyList<int[]> folds, bool names)
    {
        var runners = Candidates(sets, features, folds.Sum(f => f.Length));
        Score(runners, folds, only: 1, names);
        var ahead = Ahead(runners);
        Score(ahead, folds, only: folds.Count, names);
        ahead = [.. ahead.OrderByDescending(r => r.Accuracy)];
        var tried = runners.Except(ahead).OrderByDescending(r => r.Accuracy).Select(r => new Candidate(r.Name + ", on a part", r.Accuracy)).ToList();
        if (names)
        {
            var without = ahead[0] with { };
            Score([without], folds, only: folds.Count, names: false);
            tried.Add(new($"{without.Name}, without names of labels", without.Accuracy));
            if (without.Accuracy > ahead[0].Accuracy)
            {
                names = false;
                Score(ahead, folds, only: folds.Count, names);
                ahead = [.. ahead.OrderByDescending(r => r.Accuracy)];
            }
        }

        var members = Best(ahead, folds, tried);
        tried.InsertRange(0, ahead.Select(r => new Candidate(r.Name, r.Accuracy)));
        return new([.. tried.OrderByDescending(t => t.Accuracy)], members, names);
    }

    private static List<TriedHead> Candidates(IReadOnlyList<FeatureSet> sets, Func<FeatureSet, FeatureMatrix> features, int texts) =>
    [
        // The first set says most as a rule: it is tried with every head, the others with the first one.
        .. from set in sets
           from shape in set == sets[0] ? s_shapes : s_shapes[..1]
           select new TriedHead($"{set.Name}, {shape.Name}", set, features(set), Lesson.Sized(shape.Options, texts)),
    ];

    /// <summary>The best head of each set of features, unless it is far behind: heads that see different things make the better mean.</summary>
    private static List<TriedHead> Ahead(List<TriedHead> runners)
    {
        var least = runners.Max(r => r.Accuracy) - FarBehind;
        var best = runners.GroupBy(r => r.Set).Select(set => set.MaxBy(r => r.Accuracy)!).OrderByDescending(r => r.Accuracy);
        return [.. best.Where(r => r.Accuracy >= least).Take(MostMembers)];
    }

    /// <param name="only">Number of folds that are scored.</param>
    private void Score(List<TriedHead> runners, IReadOnlyList<int[]> folds, int only, bool names)
    {
        var targets = lesson.Targets;
        var jobs = runners.Count * only;
        var done = 0;
        foreach (var runner in runners) runner.Logits = new float[targets.Rows * targets.Labels];
        SideBySide.Run(jobs, job => Train(runners[job / only], job % only), cancelled);
        foreach (var runner in runners) runner.Accuracy = lesson.Accuracy(runner.Logits, [.. folds.Take(only).SelectMany(f => f)]);

        void Train(TriedHead runner, int fold)
        {
            var head = lesson.Train(runner, CrossValidation.Others(folds, fold), names, seed + fold, cancelled);
            CrossValidation.Put(head.Logits(runner.Features, folds[fold]), folds[fold], targets.Labels, runner.Logits);
            progress?.Report((double)Interlocked.Increment(ref done) / jobs);
        }
    }

    /// <summary>The best head, or the mean of the best two or three.</summary>
    private List<TriedHead> Best(List<TriedHead> ahead, IReadOnlyList<int[]> folds, List<Candidate> tried)
    {
        var best = ahead[..1];
        var accuracy = best[0].Accuracy;
        for (var count = 2; count <= ahead.Count; count++)
        {
            var mean = lesson.Accuracy(TaughtHead.Mean([.. ahead[..count].Select(r => r.Logits)]), [.. folds.SelectMany(f => f)]);
            tried.Add(new($"mean of the best {count}", mean));
            if (mean < accuracy) continue;
            (best, accuracy) = (ahead[..count], mean);
        }

        return best;
    }
}
