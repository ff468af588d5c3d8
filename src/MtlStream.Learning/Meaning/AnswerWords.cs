using System.Text.RegularExpressions;

namespace MtlStream.Learning.Meaning;

/// <summary>Overlap of words, as the authors of SQuAD and of ROUGE count it.</summary>
internal static partial class AnswerWords
{
    /// <summary>F1 of an answer against the one that fits it best, without articles and marks. No answer is right only where there is none.</summary>
    public static double F1(string? given, IReadOnlyList<string> answers) =>
        answers.Count == 0 ? (string.IsNullOrEmpty(given) ? 1 : 0) : answers.Max(a => Overlap(Answer(given ?? ""), Answer(a)));

    /// <summary>ROUGE-1 as F1, against the summary that fits best.</summary>
    public static double Rouge1(string given, IReadOnlyList<string> summaries) => summaries.Max(s => Overlap(Of(given), Of(s)));

    public static List<string> Of(string text) => [.. Word().Matches(text.ToLowerInvariant()).Select(m => m.Value)];

    private static List<string> Answer(string text) =>
        [.. Article().Replace(Mark().Replace(text.ToLowerInvariant(), ""), " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];

    private static double Overlap(List<string> given, List<string> wanted)
    {
        if (given.Count == 0 || wanted.Count == 0) return given.Count == wanted.Count ? 1 : 0;
        return Metrics.Items<string>([(wanted, given)]).F1;
    }

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"[^\w\s]")]
    private static partial Regex Mark();

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Article();
}
