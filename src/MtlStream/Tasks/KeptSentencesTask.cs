using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>The sentences of a text that say most: a fifth of them, one at least.</summary>
/// <remarks>A sentence's score is the mean of its words'. Those that stay are given in the order of the text.</remarks>
public sealed class KeptSentencesTask(string name, IReadOnlyList<string> labels) : KeptLabelTask(name, Definition.Name, labels)
{
    private const int OneOf = 5;

    public static TaskKind Definition { get; } = new(
        "kept_sentences", TagsAndScores, fields => TwoLabels(fields) is { } two ? new KeptSentencesTask(fields.Name, two) : null)
    {
        Members = ["labels"],
    };

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        output.Write("{\"sentences\":["u8);
        var any = false;
        foreach (var (start, end, score) in Best(values, text))
        {
            output.Write(any ? ",{\"start\":"u8 : "{\"start\":"u8);
            any = true;
            output.WriteNumber(start);
            output.Write(",\"end\":"u8);
            output.WriteNumber(end);
            output.Write(",\"score\":"u8);
            output.WriteScore(score);
            output.Write((byte)'}');
        }

        output.Write("]}"u8);
    }

    public override Shape ShapeOf(AnswerDetail detail)
    {
        Shape sentence = new Shape.Fields([new("start", Shape.Whole), new("end", Shape.Whole), new("score", Shape.Number)]);
        return new Shape.Fields([new("sentences", new Shape.ListOf(sentence))]);
    }

    private static List<(int Start, int End, float Score)> Best(TaskValues values, TaskText text)
    {
        var words = text.Tokens.Words;
        var sentences = new List<(int Start, int End, float Score)>();
        foreach (var (first, end) in Sentences.Of(text.Text, words))
        {
            var sum = 0.0;
            for (var word = first; word < end; word++) sum += KeptShare(values, words[word]);
            sentences.Add((words[first].Start, words[end - 1].End, (float)(sum / (end - first))));
        }

        var most = (sentences.Count + OneOf - 1) / OneOf;
        return [.. sentences.OrderByDescending(s => s.Score).Take(most).OrderBy(s => s.Start)];
    }
}
