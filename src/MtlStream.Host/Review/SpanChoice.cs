using MtlStream.Learning.Data;
using MtlStream.Learning.Review;

namespace MtlStream.Host.Review;

/// <summary>Words of a text that a person chooses by keys, and the spans made of them so far. Not thread-safe.</summary>
internal sealed class SpanChoice
{
    private readonly string _text;
    private readonly List<(int Start, int End)> _words;
    private readonly List<LabelledRange> _spans = [];
    private int _first, _last;

    public SpanChoice(string text)
    {
        _text = text;
        _words = WordsOf(text);
    }

    /// <summary>The spans as labels of an answer.</summary>
    public IReadOnlyList<string> Labels => [.. _spans.OrderBy(s => s.Start).Select(SpanLabel.Of)];

    /// <summary>The words chosen; empty where the text has none.</summary>
    public string Chosen => _words.Count == 0 ? "" : _text[_words[_first].Start.._words[_last].End];

    /// <summary>The spans with their words, in the order of the text.</summary>
    public string Said => string.Join(", ", _spans.OrderBy(s => s.Start).Select(s => $"{s.Label} {_text[s.Start..s.End]}"));

    /// <summary>Chooses the next word, or the one before.</summary>
    public void Move(int step)
    {
        _first = Math.Clamp((step > 0 ? _last : _first) + step, 0, Math.Max(0, _words.Count - 1));
        _last = _first;
    }

    /// <summary>Chooses a word more behind, or one less.</summary>
    public void Extend(int step) => _last = Math.Clamp(_last + step, _first, Math.Max(_first, _words.Count - 1));

    /// <summary>Makes a span of the words chosen; what overlaps it gives way.</summary>
    public void Mark(string type)
    {
        if (_words.Count == 0) return;
        var span = new LabelledRange(_words[_first].Start, _words[_last].End, type);
        _spans.RemoveAll(s => s.Start < span.End && span.Start < s.End);
        _spans.Add(span);
    }

    /// <summary>Takes the spans away that the words chosen are in.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove() => _words.Count > 0 && _spans.RemoveAll(s => s.Start < _words[_last].End && _words[_first].Start < s.End) > 0;

    /// <summary>Runs of letters and digits, and every other character that is no white space.</summary>
    private static List<(int Start, int End)> WordsOf(string text)
    {
        var words = new List<(int Start, int End)>();
        for (var at = 0; at < text.Length;)
        {
            var start = at;
            while (at < text.Length && char.IsLetterOrDigit(text[at])) at++;
            if (at == start) at += char.IsSurrogatePair(text, at) ? 2 : 1;
            if (!char.IsWhiteSpace(text[start])) words.Add((start, at));
        }

        return words;
    }
}
