using MtlStream.Json;

namespace MtlStream.Tasks;

/// <summary>One label for each word.</summary>
public sealed class TokenTagsTask : TokenLabelTask
{
    private readonly byte[][] _labelMembers; // from a word's range to its score

    public TokenTagsTask(string name, IReadOnlyList<string> labels)
        : base(name, Definition.Name, labels) =>
        _labelMembers = [.. labels.Select(l => (byte[])[.. ",\"label\":"u8, .. TextLabelTask.Quoted(l), .. ",\"score\":"u8])];

    public static TaskKind Definition { get; } = new(
        "token_tags", TagsAndScores, fields => new TokenTagsTask(fields.Name, fields.Labels(least: 2)))
    {
        Members = ["labels"],
    };

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        var tags = TagsOf(values);
        var scores = ScoresOf(values);
        output.Write("{\"tags\":["u8);
        var any = false;
        foreach (var word in text.Tokens.Words)
        {
            output.Write(any ? ",{\"start\":"u8 : "{\"start\":"u8);
            any = true;
            output.WriteNumber(word.Start);
            output.Write(",\"end\":"u8);
            output.WriteNumber(word.End);
            output.Write(_labelMembers[tags[word.FirstToken + 1]]);
            output.WriteScore(scores[word.FirstToken + 1]);
            output.Write((byte)'}');
        }

        output.Write("]}"u8);
    }

    public override Shape ShapeOf(AnswerDetail detail)
    {
        Shape tag = new Shape.Fields([new("start", Shape.Whole), new("end", Shape.Whole), new("label", Shape.Text), new("score", Shape.Number)]);
        return new Shape.Fields([new("tags", new Shape.ListOf(tag))]);
    }
}
