using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What a text answers to some questions, each with a name.</summary>
/// <remarks>No answer is an answer. A question that was not asked of an event is left out.</remarks>
/// <param name="questions">Names of the questions, in their order.</param>
public sealed class AnswersTask(string name, IReadOnlyList<string> questions)
    : ModelTask(name, "answers", [], new TaskOutput(ElementType.Number, questions.Count * Cells, PerToken: 0))
{
    private const int Cells = 4; // of each question: whether it was asked, first token, last token, odds
    private const float None = -1;

    private readonly byte[][] _questions = [.. questions.Select(TextLabelTask.Quoted)];

    public int Questions => questions.Count;

    /// <summary>Notes that a question was not asked.</summary>
    public static void Skip(TaskValues values, int question) => values.Floats().Slice(question * Cells, Cells).Clear();

    /// <summary>Notes an answer, or that there is none.</summary>
    /// <param name="first">Its first token among those of the text; -1 for no answer.</param>
    /// <param name="odds">Logarithm of the odds that the text has an answer.</param>
    public static void Note(TaskValues values, int question, int first, int last, float odds)
    {
        var cells = values.Floats().Slice(question * Cells, Cells);
        var answered = first >= 0 && odds > 0;
        (cells[0], cells[1], cells[2], cells[3]) = (1, answered ? first : None, answered ? last : None, float.IsFinite(odds) ? odds : float.MinValue);
    }

    public override void WriteNeutral(TaskValues values) => values.Floats().Clear();

    /// <summary>The first window's: questions are asked of the whole text at once.</summary>
    public override void Merge(WindowValues windows, TaskValues merged) => windows[0].Floats().CopyTo(merged.Floats());

    public override string? ValidationError(TaskValues values, TokenizedText text) => null;

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        output.Write("{\"answers\":["u8);
        var any = false;
        for (var question = 0; question < questions.Count; question++)
        {
            var cells = values.Floats().Slice(question * Cells, Cells);
            if (cells[0] == 0) continue;
            output.Write(any ? ",{\"question\":"u8 : "{\"question\":"u8);
            any = true;
            output.Write(_questions[question]);
            WriteAnswer((int)cells[1], (int)cells[2], text, output);
            output.Write(",\"score\":"u8);
            output.WriteScore(ScoreOf(cells));
            output.Write((byte)'}');
        }

        output.Write("]}"u8);
    }

    public override Shape ShapeOf(AnswerDetail detail)
    {
        Shape answer = new Shape.Fields(
        [
            new("question", Shape.Text),
            new("start", Shape.Whole, Optional: true),
            new("end", Shape.Whole, Optional: true),
            new("text", Shape.Text, Optional: true),
            new("score", Shape.Number),
        ]);
        return new Shape.Fields([new("answers", new Shape.ListOf(answer))]);
    }

    /// <summary>Whether each question has an answer, and which.</summary>
    public override IReadOnlyList<string> Given(TaskValues values, TaskText text)
    {
        var given = new List<string>();
        for (var question = 0; question < questions.Count; question++)
        {
            var cells = values.Floats().Slice(question * Cells, Cells);
            if (cells[0] == 0) continue;
            var (start, end) = cells[1] < 0 ? (0, 0) : RangeOf((int)cells[1], (int)cells[2], text.Tokens.Words);
            given.Add(text.Text[start..end].ToString());
        }

        return given;
    }

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts)
    {
        double sum = 0;
        var asked = 0;
        for (var question = 0; question < questions.Count; question++)
        {
            var cells = values.Floats().Slice(question * Cells, Cells);
            if (cells[0] == 0) continue;
            sum += ScoreOf(cells);
            asked++;
        }

        return asked == 0 ? null : new(sum / asked, LabelScores.EntropyOfOne(sum / asked));
    }

    /// <summary>Probability of what is said: of an answer, or of none.</summary>
    private static float ScoreOf(ReadOnlySpan<float> cells) => (float)(1 / (1 + Math.Exp(-Math.Abs(cells[3]))));

    private static void WriteAnswer(int first, int last, TaskText text, Utf8Buffer output)
    {
        if (first < 0)
        {
            output.Write(",\"start\":null,\"end\":null,\"text\":null"u8);
            return;
        }

        var (start, end) = RangeOf(first, last, text.Tokens.Words);
        output.Write(",\"start\":"u8);
        output.WriteNumber(start);
        output.Write(",\"end\":"u8);
        output.WriteNumber(end);
        output.Write(",\"text\":"u8);
        output.WriteString(text.Text[start..end]);
    }

    /// <summary>The words that the tokens are of, whole.</summary>
    private static (int Start, int End) RangeOf(int first, int last, ReadOnlySpan<Word> words) =>
        (words[WordOf(first, words)].Start, words[WordOf(last, words)].End);

    private static int WordOf(int token, ReadOnlySpan<Word> words)
    {
        var word = 0;
        while (word + 1 < words.Length && words[word + 1].FirstToken <= token) word++;
        return word;
    }
}
