using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>The text without the words that can be left out.</summary>
public sealed class KeptWordsTask(string name, IReadOnlyList<string> labels) : KeptLabelTask(name, Definition.Name, labels)
{
    public static TaskKind Definition { get; } = new(
        "kept_words", TagsAndScores, fields => TwoLabels(fields) is { } two ? new KeptWordsTask(fields.Name, two) : null)
    {
        Members = ["labels"],
    };

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        var ranges = Ranges(values, text.Tokens.Words);
        output.Write("{\"text\":\""u8);
        for (var i = 0; i < ranges.Count; i++)
        {
            var (start, end) = ranges[i];
            if (i > 0 && char.IsWhiteSpace(text.Text[start - 1])) output.Write((byte)' ');
            JsonText.Escape(text.Text[start..end], output);
        }

        output.Write("\",\"kept\":["u8);
        for (var i = 0; i < ranges.Count; i++)
        {
            output.Write(i == 0 ? "["u8 : ",["u8);
            output.WriteNumber(ranges[i].Start);
            output.Write((byte)',');
            output.WriteNumber(ranges[i].End);
            output.Write((byte)']');
        }

        output.Write("]}"u8);
    }

    public override Shape ShapeOf(AnswerDetail detail) =>
        new Shape.Fields([new("text", Shape.Text), new("kept", new Shape.ListOf(new Shape.ListOf(Shape.Whole)))]);

    /// <summary>What stays, in UTF-16 units: words beside each other are one range with what stands between them.</summary>
    private static List<(int Start, int End)> Ranges(TaskValues values, ReadOnlySpan<Word> words)
    {
        var ranges = new List<(int Start, int End)>();
        var open = false;
        foreach (var word in words)
        {
            var kept = IsKept(values, word);
            if (kept && open) ranges[^1] = (ranges[^1].Start, word.End);
            else if (kept) ranges.Add((word.Start, word.End));
            open = kept;
        }

        return ranges;
    }
}
