using System.Text.Json.Serialization;

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
    /// <summary>The labels in the order of the words.</summary>
    public IReadOnlyList<string> Labels { get; } = [.. Words.Select(w => w.Label)];

    /// <summary>The spans, or the labelled words: what <see cref="SentenceFile"/> reads from JSON.</summary>
    /// <param name="spans">Labels are BIO.</param>
    public IReadOnlyList<LabelledRange> Ranges(bool spans) => spans
        ? [.. Metrics.Spans(Labels).Select(s => new LabelledRange(Words[s.Start].Start, Words[s.End - 1].End, s.Kind))]
        : [.. Words.Where(w => w.Label != LabelledWord.None).Select(w => new LabelledRange(w.Start, w.End, w.Label))];
}
