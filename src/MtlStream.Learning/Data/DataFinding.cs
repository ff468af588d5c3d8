namespace MtlStream.Learning.Data;

/// <summary>Something about labelled data that its owner should know.</summary>
/// <param name="Kind">What it is, in one or two words.</param>
/// <param name="Message">How much of it, and where: lines, no text.</param>
public sealed record DataFinding(string Kind, string Message)
{
    private const int Shown = 5;

    /// <summary>Labels that too few texts have to learn or judge them well.</summary>
    internal static DataFinding Rare(IReadOnlyList<string> labels, int least, string what) =>
        new("rare label", $"fewer than {least} {what} each: {string.Join(", ", labels.Take(Shown))}{(labels.Count > Shown ? ", ..." : "")}.");

    /// <summary>The first of some lines, in words.</summary>
    internal static string Lines(IReadOnlyList<int> lines)
    {
        var shown = string.Join(", ", lines.Take(Shown));
        if (lines.Count == 1) return $"line {shown}";
        return lines.Count > Shown ? $"lines {shown}, ..." : $"lines {shown}";
    }
}
