using System.Globalization;
using MtlStream.Learning.Promotion;
using MtlStream.Models;

namespace MtlStream.Host;

/// <summary>The report of <c>promote</c>, for people and for scripts.</summary>
internal static class PromotionText
{
    public static void Write(Comparison comparison, ModelManifest serving, ModelManifest candidate, TextWriter output)
    {
        output.WriteLine($"{candidate.Name} {candidate.Version} against {serving.Version}, on {comparison.Texts} texts");
        foreach (var task in comparison.Tasks)
        {
            var truth = task.Labelled ? "" : ", agreement with what serves";
            output.WriteLine(Line($"  {task.Task}: {task.Before:P1} to {task.After:P1} on {task.Texts} texts{truth}; {task.Won} won, {task.Lost} lost{Mark(task.Passed)}"));
            foreach (var label in task.Labels.Where(l => l.Won + l.Lost > 0))
                output.WriteLine(Line($"    {label.Label}: F1 {label.F1Before:P1} to {label.F1After:P1}; {label.Won} won, {label.Lost} lost{Mark(label.Passed)}"));
        }

        output.WriteLine(comparison.Passed ? "  passes" : "  refused");
        foreach (var refusal in comparison.Refusals) output.WriteLine("    " + refusal);
    }

    /// <summary>The members that scripts rely on.</summary>
    public static object Json(Comparison comparison, ModelManifest candidate, string? record, string? promotedTo) => new
    {
        candidate = candidate.Version,
        texts = comparison.Texts,
        passed = comparison.Passed,
        refusals = comparison.Refusals,
        tasks = comparison.Tasks.Select(t => new { task = t.Task, labelled = t.Labelled, before = t.Before, after = t.After, won = t.Won, lost = t.Lost, passed = t.Passed }),
        record,
        promotedTo,
    };

    private static string Mark(bool passed) => passed ? "" : ": too much";

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
