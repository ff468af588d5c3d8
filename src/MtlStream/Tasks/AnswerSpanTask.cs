using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What a graph says of a question and a text: where the answer begins and where it ends. Served as <see cref="AnswersTask"/>.</summary>
/// <remarks>
/// Of each token two logarithms of probabilities, that the answer begins there and that it ends there; of the first token, that
/// there is none.
/// </remarks>
/// <param name="margin">How much likelier than none an answer has to be: a difference of logarithms.</param>
public sealed class AnswerSpanTask(string name, float margin = 0) : ModelTask(name, Definition.Name, [], new TaskOutput(ElementType.Number, Fixed: 0, PerToken: 2))
{
    private const int LongestAnswer = 30; // tokens

    public static TaskKind Definition { get; } = new("answer_span", ["scores"], fields => new AnswerSpanTask(fields.Name, fields.Number("margin", 0)))
    {
        Members = ["margin"],
    };

    /// <summary>It says nothing until somebody asks.</summary>
    public override bool OnRequest => true;

    public float Margin { get; } = margin;

    /// <summary>The best answer among some tokens of a sequence, as places among them, and how much likelier it is than none.</summary>
    /// <param name="scores">The output, [CLS] first.</param>
    /// <param name="first">The first token that an answer may have.</param>
    /// <param name="count">How many it may be among; none gives no answer.</param>
    public static (int First, int Last, float Margin) Best(ReadOnlySpan<float> scores, int first, int count)
    {
        var best = (First: -1, Last: -1, Margin: float.NegativeInfinity);
        var none = scores[0] + scores[1];
        for (var start = 0; start < count; start++)
        {
            var begins = scores[2 * (first + start)] - none;
            for (var last = start; last < Math.Min(count, start + LongestAnswer); last++)
            {
                var margin = begins + scores[(2 * (first + last)) + 1];
                if (margin > best.Margin) best = (start, last, margin);
            }
        }

        return best;
    }

    public override void WriteNeutral(TaskValues values) => values.Floats().Clear();

    public override string? ValidationError(TaskValues values, TokenizedText text) => null;

    public override void Merge(WindowValues windows, TaskValues merged) => throw Unasked();

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output) => throw Unasked();

    public override Shape ShapeOf(AnswerDetail detail) => throw Unasked();

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text) => [];

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts) => null;

    private InvalidOperationException Unasked() => new($"{Name} answers questions, and nobody has asked.");
}
