using System.Globalization;
using MtlStream.Learning.Data;

namespace MtlStream.Learning.Review;

/// <summary>A span as a label of an answer: <c>LOC 12-18</c>, its type and its UTF-16 range [start, end) of the text.</summary>
/// <remarks>So that answers about spans are sets of labels like all others: compared, counted and taken back in the same way.</remarks>
public static class SpanLabel
{
    /// <summary>How a span is written.</summary>
    public static string Of(LabelledRange span) => string.Create(CultureInfo.InvariantCulture, $"{span.Label} {span.Start}-{span.End}");

    /// <summary>Reads one; null where it is none.</summary>
    public static LabelledRange? Parse(string label)
    {
        ArgumentNullException.ThrowIfNull(label);
        var space = label.LastIndexOf(' ');
        if (space <= 0) return null;
        var ends = label[(space + 1)..].Split('-');
        if (ends.Length != 2 || !Number(ends[0], out var start) || !Number(ends[1], out var end)) return null;
        return start < end ? new LabelledRange(start, end, label[..space]) : null;
    }

    /// <summary>What is wrong with spans of a text; null when nothing is.</summary>
    /// <param name="types">Those that the task has.</param>
    /// <param name="length">Of the text, in UTF-16 units.</param>
    public static string? Problem(IReadOnlyList<string> labels, IReadOnlyList<string> types, int length)
    {
        ArgumentNullException.ThrowIfNull(labels);
        var at = 0;
        foreach (var span in labels.Select(Parse).OrderBy(s => s?.Start ?? -1))
        {
            if (span is not { } found) return "one is no span, expected such as \"LOC 12-18\"";
            if (!types.Contains(found.Label)) return $"one has a type that there is not, expected one of {string.Join(", ", types)}";
            if (found.End > length) return $"one ends at {found.End}, expected {length} at most";
            if (found.Start < at) return "two share a part of the text, expected each part in one";
            at = found.End;
        }

        return null;
    }

    private static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
