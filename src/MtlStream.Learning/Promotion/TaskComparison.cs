namespace MtlStream.Learning.Promotion;

/// <summary>One label of one task, in the serving package and in the candidate.</summary>
/// <param name="Texts">Texts that have the label.</param>
/// <param name="Won">Texts that the candidate alone is right about, as far as this label goes.</param>
/// <param name="Lost">Texts that the serving package alone is right about.</param>
/// <param name="Chance">How likely so many lost ones would be by chance.</param>
public sealed record LabelComparison(string Label, int Texts, double F1Before, double F1After, int Won, int Lost, double Chance, bool Passed);

/// <summary>One task, in the serving package and in the candidate.</summary>
/// <param name="Labelled">True when people said what is right; else what the serving package says counts as right.</param>
/// <param name="Before">Accuracy of the serving package; of a task that it has not, of giving every text the most frequent label.</param>
/// <param name="ChanceOfGain">How likely so many won texts would be by chance.</param>
/// <param name="ChanceOfLoss">How likely so many lost texts would be by chance.</param>
public sealed record TaskComparison(
    string Task, bool Labelled, int Texts, double Before, double After, int Won, int Lost, double ChanceOfGain, double ChanceOfLoss, bool Passed,
    IReadOnlyList<LabelComparison> Labels)
{
    /// <param name="truth">The right labels of each text.</param>
    /// <param name="before">The serving package's; null for a task that it has not.</param>
    /// <param name="after">The candidate's.</param>
    public static TaskComparison Of(
        string task, bool labelled, IReadOnlyList<IReadOnlyList<string>> truth, IReadOnlyList<IReadOnlyList<string>>? before,
        IReadOnlyList<IReadOnlyList<string>> after, PromotionGates gates)
    {
        var isNew = before is null;
        before ??= MostFrequent(truth);
        var texts = Enumerable.Range(0, truth.Count).Select(i => (True: truth[i].ToHashSet(), Before: before[i].ToHashSet(), After: after[i].ToHashSet())).ToList();
        var rights = texts.Select(t => (Before: t.Before.SetEquals(t.True), After: t.After.SetEquals(t.True))).ToList();
        var (won, lost) = Pairs(rights);
        var chanceOfLoss = SignTest.Probability(lost, won);
        var (accuracyBefore, accuracyAfter) = (Share(rights.Count(r => r.Before), rights.Count), Share(rights.Count(r => r.After), rights.Count));
        var labels = isNew ? [] : truth.Concat(before).Concat(after).SelectMany(l => l).Distinct().Order(StringComparer.Ordinal).Select(l => OfLabel(l, texts, gates)).ToList();
        var passed = !(accuracyBefore - accuracyAfter > gates.MostLoss && chanceOfLoss < gates.Significance) && labels.TrueForAll(l => l.Passed);
        return new(task, labelled, texts.Count, accuracyBefore, accuracyAfter, won, lost, SignTest.Probability(won, lost), chanceOfLoss, passed, labels);
    }

    /// <summary>True when the candidate gains what the gates ask for.</summary>
    public bool Gains(PromotionGates gates)
    {
        ArgumentNullException.ThrowIfNull(gates);
        return Labelled && After - Before >= gates.LeastGain && ChanceOfGain < gates.Significance;
    }

    private static LabelComparison OfLabel(string label, List<(HashSet<string> True, HashSet<string> Before, HashSet<string> After)> texts, PromotionGates gates)
    {
        var rights = texts.Select(t => (Before: t.Before.Contains(label) == t.True.Contains(label), After: t.After.Contains(label) == t.True.Contains(label))).ToList();
        var (won, lost) = Pairs(rights);
        var f1Before = F1(texts.Select(t => (t.True.Contains(label), t.Before.Contains(label))));
        var f1After = F1(texts.Select(t => (t.True.Contains(label), t.After.Contains(label))));
        var chance = SignTest.Probability(lost, won);
        var passed = !(f1Before - f1After > gates.MostLoss && chance < gates.Significance);
        return new(label, texts.Count(t => t.True.Contains(label)), f1Before, f1After, won, lost, chance, passed);
    }

    private static (int Won, int Lost) Pairs(List<(bool Before, bool After)> rights) =>
        (rights.Count(r => !r.Before && r.After), rights.Count(r => r.Before && !r.After));

    private static double Share(int part, int all) => all == 0 ? 0 : (double)part / all;

    private static double F1(IEnumerable<(bool True, bool Given)> answers)
    {
        var tally = new Tally();
        foreach (var (isTrue, given) in answers)
        {
            tally.True += isTrue ? 1 : 0;
            tally.Given += given ? 1 : 0;
            tally.Right += isTrue && given ? 1 : 0;
        }

        return tally.F1;
    }

    private static IReadOnlyList<IReadOnlyList<string>> MostFrequent(IReadOnlyList<IReadOnlyList<string>> truth)
    {
        var most = truth.GroupBy(l => string.Join('|', l.Order(StringComparer.Ordinal))).MaxBy(g => g.Count())?.First() ?? [];
        return [.. truth.Select(_ => most)];
    }
}
