using System.Text.Json.Serialization;
using MtlStream.Text;

namespace MtlStream.Learning.Data;

/// <summary>A word and the label that a person gave it.</summary>
/// <param name="Start">UTF-16 range [Start, End) of the sentence's text.</param>
public readonly record struct LabelledWord(int Start, int End, string Label)
{
    /// <summary>Of a word that nobody labelled.</summary>
    public const string None = "";
}

/// <summary>A part of a text and its label, as results have them.</summary>
public readonly record struct LabelledRange(
    [property: JsonPropertyName("start")] int Start, [property: JsonPropertyName("end")] int End, [property: JsonPropertyName("label")] string Label);

/// <summary>A sentence whose words are labelled.</summary>
/// <param name="Line">Line of the file on which it begins, from 1.</param>
public sealed record LabelledSentence(string Text, IReadOnlyList<LabelledWord> Words, int Line)
{
    /// <summary>A text of which parts are labelled. Its words are those that the package finds; one has the label of the range that it touches.</summary>
    /// <param name="spans">Labels become BIO.</param>
    /// <param name="line">As <see cref="Line"/>.</param>
    public static LabelledSentence Of(string text, IReadOnlyList<LabelledRange> ranges, TextTokenizer tokenizer, bool spans, int line)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        using var tokens = tokenizer.Tokenize(text);
        var words = new List<LabelledWord>();
        LabelledRange? last = null;
        foreach (var word in tokens.Words)
        {
            var range = ranges.Where(r => word.Start < r.End && word.End > r.Start).Select(r => (LabelledRange?)r).FirstOrDefault();
            words.Add(new(word.Start, word.End, LabelOf(range, goesOn: range == last)));
            last = range;
        }

        return new(text, words, line);

        string LabelOf(LabelledRange? range, bool goesOn)
        {
            if (range is not { } found) return spans ? "O" : LabelledWord.None;
            if (!spans) return found.Label;
            return (goesOn ? "I-" : "B-") + found.Label;
        }
    }

    /// <summary>The labels in the order of the words.</summary>
    public IReadOnlyList<string> Labels { get; } = [.. Words.Select(w => w.Label)];

    /// <summary>The spans, or the labelled words: what <see cref="SentenceFile"/> reads from JSON.</summary>
    /// <param name="spans">Labels are BIO.</param>
    public IReadOnlyList<LabelledRange> Ranges(bool spans) => spans
        ? [.. Metrics.Spans(Labels).Select(s => new LabelledRange(Words[s.Start].Start, Words[s.End - 1].End, s.Kind))]
        : [.. Words.Where(w => w.Label != LabelledWord.None).Select(w => new LabelledRange(w.Start, w.End, w.Label))];
}
