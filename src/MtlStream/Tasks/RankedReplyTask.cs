using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>The best of some replies to a text, or none.</summary>
/// <param name="least">Least likeness of a reply to be given, a cosine.</param>
/// <param name="names">Of the replies.</param>
/// <param name="vectors">Of each what it says as a reply, of length 1 and as long as the graph's.</param>
public sealed class RankedReplyTask(string name, int size, float least, IReadOnlyList<string> names, IReadOnlyList<float[]> vectors)
    : ModelTask(name, "reply", names, new TaskOutput(ElementType.Number, size, PerToken: 0))
{
    private readonly byte[][] _names = [.. names.Select(TextLabelTask.Quoted)];

    public override IReadOnlyList<float> Thresholds => [least];

    public override void WriteNeutral(TaskValues values)
    {
        values.Floats().Clear();
        values.Floats()[0] = 1;
    }

    public override void Merge(WindowValues windows, TaskValues merged) => windows.Average(0, merged.Floats());

    public override string? ValidationError(TaskValues values, TokenizedText text) => null;

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        var (best, likeness) = Best(values.Floats());
        output.Write("{\"label\":"u8);
        output.Write(best < 0 ? "null"u8 : _names[best]);
        output.Write(",\"score\":"u8);
        output.WriteScore(likeness);
        output.Write((byte)'}');
    }

    public override Shape ShapeOf(AnswerDetail detail) => new Shape.Fields([new("label", Shape.Text, Optional: true), new("score", Shape.Number)]);

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text)
    {
        var (best, _) = Best(values.Floats());
        return [best < 0 ? "" : Labels[best]];
    }

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts)
    {
        var (best, likeness) = Best(values.Floats());
        if (best >= 0) counts.Add(best);
        var share = Math.Clamp(likeness, 0, 1);
        return new(share, LabelScores.EntropyOfOne(share));
    }

    /// <summary>The reply that is most like what is said next, -1 where even that one is not like enough, and its likeness.</summary>
    private (int Reply, float Likeness) Best(ReadOnlySpan<float> said)
    {
        var (best, highest) = (-1, float.NegativeInfinity);
        for (var reply = 0; reply < vectors.Count; reply++)
        {
            var likeness = Likeness(said, vectors[reply]);
            if (likeness > highest) (best, highest) = (reply, likeness);
        }

        return highest >= least ? (best, highest) : (-1, highest);
    }

    /// <summary>The cosine: what was said of a long text is a mean, which is shorter than 1.</summary>
    private static float Likeness(ReadOnlySpan<float> said, ReadOnlySpan<float> reply)
    {
        double product = 0, squares = 0;
        for (var i = 0; i < said.Length; i++)
        {
            product += said[i] * reply[i];
            squares += said[i] * said[i];
        }

        return squares > 0 ? (float)(product / Math.Sqrt(squares)) : 0;
    }
}
