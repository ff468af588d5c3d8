using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What tasks share that give the whole text labels: one probability for each label.</summary>
public abstract class TextLabelTask : ModelTask
{
    private readonly byte[][] _labels; // in quotes

    protected TextLabelTask(string name, string kind, IReadOnlyList<string> labels)
        : base(name, kind, labels, new TaskOutput(ElementType.Number, labels.Count, PerToken: 0)) =>
        _labels = [.. labels.Select(Quoted)];

    protected static IReadOnlyList<string> Probabilities { get; } = ["probabilities"];

    public override void WriteNeutral(TaskValues values)
    {
        values.Floats().Clear();
        values.Floats()[0] = 1;
    }

    /// <summary>The mean of the windows' probabilities, each weighted by the tokens that belong to it.</summary>
    public override void Merge(WindowValues windows, TaskValues merged) => windows.Average(0, merged.Floats());

    public override string? ValidationError(TaskValues values, TokenizedText text)
    {
        var scores = values.Floats();
        var label = LabelScores.FirstNoProbability(scores);
        return label < 0 ? null : LabelScores.ErrorAt(Name, scores[label], $"label \"{Labels[label]}\"");
    }

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        var scores = values.Floats();
        output.Write((byte)'{');
        WriteGiven(scores, output);
        if (detail.AllScores)
        {
            output.Write(",\"scores\":{"u8);
            for (var label = 0; label < scores.Length; label++)
            {
                if (label > 0) output.Write((byte)',');
                output.Write(_labels[label]);
                output.Write((byte)':');
                output.WriteScore(scores[label]);
            }

            output.Write((byte)'}');
        }

        output.Write((byte)'}');
    }

    public override Shape ShapeOf(AnswerDetail detail)
    {
        IReadOnlyList<Shape.Field> scores = detail.AllScores ? [new("scores", new Shape.MapOf(Shape.Number))] : [];
        return new Shape.Fields([.. ShapeOfGiven, .. scores]);
    }

    /// <summary>The members that <see cref="WriteGiven"/> writes.</summary>
    protected abstract IReadOnlyList<Shape.Field> ShapeOfGiven { get; }

    /// <summary>Writes the members that say which labels are given.</summary>
    protected abstract void WriteGiven(ReadOnlySpan<float> scores, Utf8Buffer output);

    /// <param name="label">-1 for none.</param>
    protected void WriteLabel(int label, float score, Utf8Buffer output)
    {
        output.Write("\"label\":"u8);
        output.Write(label < 0 ? "null"u8 : _labels[label]);
        output.Write(",\"score\":"u8);
        output.WriteScore(score);
    }

    internal static byte[] Quoted(string text)
    {
        var buffer = Utf8Buffer.ForThisThread();
        buffer.WriteString(text);
        return buffer.Written.ToArray();
    }
}
