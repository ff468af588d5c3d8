using MtlStream.Models;

namespace MtlStream.Learning.Promotion;

/// <summary>A text, and by task the labels that people say it has.</summary>
public sealed record JudgedText(string Text, IReadOnlyDictionary<string, IReadOnlyList<string>> Labels);

/// <summary>A candidate against the package that serves, task by task and label by label.</summary>
/// <param name="Refusals">Why it is refused, in sentences; none where it passes.</param>
public sealed record Comparison(PromotionGates Gates, int Texts, IReadOnlyList<TaskComparison> Tasks, IReadOnlyList<string> Refusals)
{
    private const int ShownLabels = 5;

    public bool Passed => Refusals.Count == 0;

    /// <summary>Has both packages annotate the texts, and compares.</summary>
    /// <exception cref="UsageException">There are no texts.</exception>
    /// <exception cref="InvalidDataException">A package is not what its manifest says.</exception>
    public static async Task<Comparison> OfAsync(
        ModelManifest serving, ModelManifest candidate, IReadOnlyList<JudgedText> texts, PromotionGates gates, CancellationToken stopping)
    {
        if (texts.Count == 0) throw new UsageException("found no texts to compare the two packages on.");
        var plain = texts.Select(t => t.Text).ToList();
        var before = await PackageAnswers.OfAsync(serving, plain, stopping);
        return Of(texts, before, await PackageAnswers.OfAsync(candidate, plain, stopping), gates);
    }

    /// <summary>Compares what both said.</summary>
    public static Comparison Of(IReadOnlyList<JudgedText> texts, PackageAnswers before, PackageAnswers after, PromotionGates gates)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(gates);
        var tasks = new List<TaskComparison>();
        var refusals = new List<string>();
        foreach (var (task, given) in after.Labels)
        {
            if (Labels(texts, task, before.Labels.GetValueOrDefault(task), given, gates) is { } compared) tasks.Add(compared);
        }

        foreach (var (task, given) in after.Others)
        {
            if (!before.Others.TryGetValue(task, out var said)) continue;
            tasks.Add(TaskComparison.Of(task, labelled: false, Wrapped(said), Wrapped(said), Wrapped(given), gates) with { Labels = [] });
        }

        foreach (var gone in before.Labels.Keys.Concat(before.Others.Keys).Except(after.Labels.Keys.Concat(after.Others.Keys)))
            refusals.Add($"{gone}: the candidate does not have this task.");
        refusals.AddRange(tasks.Where(t => !t.Passed).Select(t => RefusalOf(t, gates)));
        if (gates.LeastGain > 0 && !tasks.Exists(t => t.Gains(gates)))
            refusals.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"no task with labelled texts gains {gates.LeastGain:P1} beyond chance."));
        return new(gates, texts.Count, tasks, refusals);
    }

    /// <summary>Null for a task that only the candidate has, and nobody labelled texts for.</summary>
    private static TaskComparison? Labels(
        IReadOnlyList<JudgedText> texts, string task, IReadOnlyList<IReadOnlyList<string>>? before, IReadOnlyList<IReadOnlyList<string>> after, PromotionGates gates)
    {
        var judged = Enumerable.Range(0, texts.Count).Where(i => texts[i].Labels.ContainsKey(task)).ToList();
        if (judged.Count == 0) return before is null ? null : TaskComparison.Of(task, labelled: false, before, before, after, gates);
        return TaskComparison.Of(
            task, labelled: true, [.. judged.Select(i => texts[i].Labels[task])], before is null ? null : [.. judged.Select(i => before[i])],
            [.. judged.Select(i => after[i])], gates);
    }

    private static string RefusalOf(TaskComparison task, PromotionGates gates)
    {
        var worse = task.Labels.Where(l => !l.Passed).OrderByDescending(l => l.F1Before - l.F1After).Take(ShownLabels).ToList();
        var measure = task.Labelled ? "" : ", where what serves now counts as right";
        var labels = worse.Count == 0 ? "" : $"; most lose {string.Join(", ", worse.Select(l => Points(l.Label, l.F1Before, l.F1After)))} in F1";
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Points(task.Task, task.Before, task.After)} in accuracy{measure}{labels}: more than {gates.MostLoss:P1} beyond chance.");
    }

    private static string Points(string name, double before, double after) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name} from {before:P1} to {after:P1}");

    private static IReadOnlyList<IReadOnlyList<string>> Wrapped(IReadOnlyList<string> answers) => [.. answers.Select(a => (IReadOnlyList<string>)[a])];
}
