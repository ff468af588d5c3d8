using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>Spans of words, each with a type, as <see cref="SpanRules"/> allow them. A span's score is the mean of its words' scores.</summary>
public sealed class TokenSpansTask : TokenLabelTask
{
    [ThreadStatic]
    private static Scratch? s_scratch;

    private readonly BioLabels _bio;
    private readonly byte[][] _types; // in quotes
    private readonly bool _names;

    /// <param name="names">Spans are names, which <see cref="SpanRules"/> know more about.</param>
    /// <exception cref="InvalidDataException">A label is not O, B-type or I-type.</exception>
    public TokenSpansTask(string name, IReadOnlyList<string> labels, bool names = true)
        : base(name, Definition.Name, labels)
    {
        _names = names;
        _bio = new(labels);
        _types = [.. _bio.Types.Select(TextLabelTask.Quoted)];
        Neutral = Math.Max(0, labels.ToList().IndexOf("O"));
    }

    /// <summary>The manifest's <c>rules</c> where spans are anything; <c>names</c> is the default.</summary>
    public const string NoRules = "none";

    private const string NameRules = "names";

    public static TaskKind Definition { get; } = new("token_spans", TagsAndScores, Read)
    {
        Members = ["labels", "rules"],
    };

    /// <summary>Types of spans, without <c>B-</c> and <c>I-</c>.</summary>
    public IReadOnlyList<string> Types => _bio.Types;

    protected override int Neutral { get; }

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        var words = text.Tokens.Words;
        var scores = ScoresOf(values);
        output.Write("{\"spans\":["u8);
        var any = false;
        foreach (var span in SpansOf(values, text))
        {
            var (start, end) = (words[span.First].Start, words[span.End - 1].End);
            output.Write(any ? ",{\"start\":"u8 : "{\"start\":"u8);
            any = true;
            output.WriteNumber(start);
            output.Write(",\"end\":"u8);
            output.WriteNumber(end);
            output.Write(",\"text\":"u8);
            output.WriteString(text.Text[start..end]);
            output.Write(",\"label\":"u8);
            output.Write(_types[span.Type]);
            output.Write(",\"score\":"u8);
            output.WriteScore(Mean(scores, words[span.First..span.End]));
            output.Write((byte)'}');
        }

        output.Write("]}"u8);
    }

    /// <summary>For each word the span that it begins or goes on with.</summary>
    public override Shape ShapeOf(AnswerDetail detail)
    {
        Shape span = new Shape.Fields(
            [new("start", Shape.Whole), new("end", Shape.Whole), new("text", Shape.Text), new("label", Shape.Text), new("score", Shape.Number)]);
        return new Shape.Fields([new("spans", new Shape.ListOf(span))]);
    }

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text)
    {
        var given = new string[text.Tokens.Words.Length];
        Array.Fill(given, "O");
        foreach (var span in SpansOf(values, text))
        {
            for (var word = span.First; word < span.End; word++)
                given[word] = (word == span.First ? "B-" : "I-") + _bio.Types[span.Type];
        }

        return given;
    }

    private static TokenSpansTask? Read(TaskFields fields)
    {
        var labels = fields.Labels(least: 2);
        var wrong = labels.Where(label => !BioLabels.IsOne(label)).ToList();
        foreach (var label in wrong) fields.Problem("labels", $"found \"{label}\", expected BIO labels: O, B-... and I-...");
        var rules = fields.OneOf("rules", NameRules, NoRules);
        return wrong.Count == 0 ? new(fields.Name, labels, rules == NameRules) : null;
    }

    private static float Mean(ReadOnlySpan<float> scores, ReadOnlySpan<Word> words)
    {
        var sum = 0.0;
        foreach (var word in words) sum += scores[word.FirstToken + 1];
        return (float)(sum / words.Length);
    }

    /// <summary>The spans that are given, in text order. Valid until the thread asks again.</summary>
    private List<WordSpan> SpansOf(TaskValues values, TaskText text)
    {
        var scratch = s_scratch ??= new();
        var words = text.Tokens.Words;
        var tags = TagsOf(values);
        if (scratch.Labels.Length < words.Length) scratch.Labels = new int[Math.Max(words.Length, 2 * scratch.Labels.Length)];
        for (var word = 0; word < words.Length; word++) scratch.Labels[word] = tags[words[word].FirstToken + 1];
        scratch.Spans.Clear();
        var labels = scratch.Labels.AsSpan(0, words.Length);
        _bio.AddSpans(labels, scratch.Spans);
        SpanRules.Apply(new(text, _bio, labels, ScoresOf(values)), scratch.Spans, _names);
        return scratch.Spans;
    }

    /// <summary>What a thread uses again for every text.</summary>
    private sealed class Scratch
    {
        public int[] Labels { get; set; } = new int[64];
        public List<WordSpan> Spans { get; } = [];
    }
}
