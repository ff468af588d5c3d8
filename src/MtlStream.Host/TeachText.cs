using System.Globalization;
using MtlStream.Learning;
using MtlStream.Learning.Teaching;

namespace MtlStream.Host;

/// <summary>The report of <c>teach</c>, for people and for scripts.</summary>
internal static class TeachText
{
    public static void Write(TeachReport report, TextWriter output)
    {
        output.WriteLine(Line($"{report.Task}: {report.Examples} texts, {report.Labels.Count} labels, {report.Elapsed.TotalSeconds:F0} s"));
        foreach (var finding in report.Findings) output.WriteLine($"  data: {finding.Kind}: {finding.Message}");
        foreach (var candidate in report.Candidates) output.WriteLine(Line($"  tried: {candidate.Name}: {candidate.Accuracy:P1}"));
        WriteScores("cross-validation", report.CrossValidation, output);
        if (report.Test is { } test) WriteScores("test", test, output);
        foreach (var (texts, accuracy) in report.Curve.Points) output.WriteLine(Line($"  learnt from {texts} texts: accuracy {accuracy:P1}"));
        if (report.Curve.Gain is { } gain) output.WriteLine(Line($"  {report.Curve.MoreTexts} more texts are worth about {100 * gain:F1} points"));
        foreach (var mistake in report.Mistakes)
            output.WriteLine(Line($"  line {mistake.Line}: labelled {mistake.Label}, probably {mistake.Expected} ({mistake.Confidence:F2})"));
        output.WriteLine(Line($"  every output of the old tasks is the same, bit by bit, on {report.TextsCompared} texts"));
        output.WriteLine($"  package: {report.Package}");
    }

    /// <summary>What became of a task that was taught anew: each label's F1 before and now.</summary>
    public static void WriteComparison(TaughtTask before, TeachReport after, TextWriter output)
    {
        Write(after, output);
        output.WriteLine($"  {before.Task} before, by {before.Package}:");
        foreach (var (label, then, now) in Labels(before, after)) output.WriteLine(Line($"    {label}: F1 {then:P1}, now {now:P1}"));
    }

    /// <summary>The members that scripts rely on, of tasks that were taught anew.</summary>
    public static object Json(IReadOnlyList<(TaughtTask Before, TeachReport After)> tasks) => new
    {
        tasks = tasks.Select(t => new
        {
            task = t.Before.Task,
            report = Json(t.After),
            labels = Labels(t.Before, t.After).Select(l => new { label = l.Label, before = l.Before, after = l.After }),
        }),
        package = tasks[^1].After.Package,
    };

    private static IEnumerable<(string Label, double Before, double After)> Labels(TaughtTask before, TeachReport after) =>
        before.Labels.Join(after.CrossValidation.Labels, l => l.Label, l => l.Label, (then, now) => (then.Label, then.F1, now.F1));

    /// <summary>The members that scripts rely on.</summary>
    public static object Json(TeachReport report) => new
    {
        task = report.Task,
        kind = report.Kind,
        examples = report.Examples,
        labels = report.Labels.Count,
        seconds = Math.Round(report.Elapsed.TotalSeconds, 1),
        crossValidation = Json(report.CrossValidation),
        test = report.Test is { } test ? Json(test) : null,
        oldOutputsIdentical = report.OldOutputsIdentical,
        package = report.Package,
    };

    private static Dictionary<string, double> Json(TaughtScores scores)
    {
        var json = new Dictionary<string, double>
        {
            ["accuracy"] = Math.Round(scores.Accuracy.Value, 5),
            ["macroF1"] = Math.Round(scores.MacroF1.Value, 5),
            ["calibrationError"] = Math.Round(scores.CalibrationError, 5),
        };
        if (scores.SpanF1 is { } spanF1) json["spanF1"] = Math.Round(spanF1.Value, 5);
        return json;
    }

    private static void WriteScores(string name, TaughtScores scores, TextWriter output)
    {
        output.WriteLine(Line($"  {name}: accuracy {Percent(scores.Accuracy)}, macro F1 {Percent(scores.MacroF1)}"));
        if (scores.SpanF1 is { } spanF1) output.WriteLine(Line($"  {name}: span F1 {Percent(spanF1)}"));
        output.WriteLine(Line($"  {name}: confidence is off by {scores.CalibrationError:P1} in the mean"));
        foreach (var confusion in scores.Confusions) output.WriteLine(Line($"    {confusion.Texts} x {confusion.Given} for {confusion.Expected}"));
    }

    private static string Percent(Estimate estimate) => Line($"{estimate.Value:P1} ({estimate.Low:P1} to {estimate.High:P1})");

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
