using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>Two vectors of a text, as what was said and as what may be said next: what replies are ranked by. Served as <see cref="RankedReplyTask"/>.</summary>
/// <param name="size">Elements of each vector.</param>
/// <param name="least">Least likeness of a reply to be given.</param>
public sealed class ReplyVectorsTask(string name, int size, float least) : ModelTask(
    name, Definition.Name, [], new TaskOutput(ElementType.Number, size, PerToken: 0), new TaskOutput(ElementType.Number, size, PerToken: 0))
{
    /// <summary>Index of the vector of what was said, and of that of what may be said next.</summary>
    public const int Said = 0, Next = 1;

    private const int LargestSize = 4096;

    public static TaskKind Definition { get; } = new(
        "reply_vectors", ["said", "next"], fields => new ReplyVectorsTask(fields.Name, fields.WholeNumber("size", 1, LargestSize), fields.Number("least", 0)))
    {
        Members = ["size", "least"],
    };

    public int Size { get; } = size;
    public float Least { get; } = least;

    /// <summary>It says nothing until there are replies to rank.</summary>
    public override bool OnRequest => true;

    /// <summary>The task that ranks some replies.</summary>
    /// <param name="names">Of the replies.</param>
    /// <param name="vectors">Of each the second vector.</param>
    public RankedReplyTask Over(IReadOnlyList<string> names, IReadOnlyList<float[]> vectors) =>
        new(Name, Size, Least, names, [.. vectors.Select(OfLengthOne)]) { Languages = Languages };

    public override IReadOnlyList<float> Thresholds => [Least];

    public override ModelTask WithThresholds(IReadOnlyList<GivenThreshold> thresholds) =>
        thresholds.Count == 0 ? this : new ReplyVectorsTask(Name, Size, thresholds[^1].Value);

    public override string? Refusal(GivenThreshold threshold) =>
        threshold.Label is null ? null : $"a text has one reply, expected Model:Thresholds:{Name} for all of them.";

    public override void WriteNeutral(TaskValues values)
    {
        for (var output = Said; output <= Next; output++)
        {
            values.Floats(output).Clear();
            values.Floats(output)[0] = 1;
        }
    }

    public override void Merge(WindowValues windows, TaskValues merged)
    {
        windows.Average(Said, merged.Floats(Said));
        windows.Average(Next, merged.Floats(Next));
    }

    public override string? ValidationError(TaskValues values, TokenizedText text) => null;

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output) => throw Unlisted();

    public override Shape ShapeOf(AnswerDetail detail) => throw Unlisted();

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text) => [];

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts) => null;

    private static float[] OfLengthOne(float[] vector)
    {
        var length = MathF.Sqrt(vector.Sum(element => element * element));
        return length > 0 ? [.. vector.Select(element => element / length)] : vector;
    }

    private InvalidOperationException Unlisted() => new($"{Name} ranks replies, and none are listed.");
}
