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

    private static object Json(TaughtScores scores) => new
    {
        accuracy = Math.Round(scores.Accuracy.Value, 5),
        macroF1 = Math.Round(scores.MacroF1.Value, 5),
        calibrationError = Math.Round(scores.CalibrationError, 5),
    };

    private static void WriteScores(string name, TaughtScores scores, TextWriter output)
    {
        output.WriteLine(Line($"  {name}: accuracy {Percent(scores.Accuracy)}, macro F1 {Percent(scores.MacroF1)}"));
        output.WriteLine(Line($"  {name}: confidence is off by {scores.CalibrationError:P1} in the mean"));
        foreach (var confusion in scores.Confusions) output.WriteLine(Line($"    {confusion.Texts} x {confusion.Given} for {confusion.Expected}"));
    }

    private static string Percent(Estimate estimate) => Line($"{estimate.Value:P1} ({estimate.Low:P1} to {estimate.High:P1})");

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
