using System.Net;
using System.Text;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>The words of a text and what the model said about each, for the rules of spans. A view, owns nothing.</summary>
/// <param name="labels">Label id of each word, as <paramref name="bio"/> counts them.</param>
/// <param name="scores">Probability of each token's label, [CLS] first.</param>
internal readonly ref struct LabelledWords(TaskText text, BioLabels bio, ReadOnlySpan<int> labels, ReadOnlySpan<float> scores)
{
    private readonly ReadOnlySpan<char> _text = text.Text;
    private readonly ReadOnlySpan<Word> _words = text.Tokens.Words;
    private readonly ReadOnlySpan<int> _labels = labels;
    private readonly ReadOnlySpan<float> _scores = scores;

    public int Count => _words.Length;

    /// <summary>The word as it was read: a word with entities of HTML is one only where they are read.</summary>
    public ReadOnlySpan<char> this[int word]
    {
        get
        {
            var written = _text[_words[word].Start.._words[word].End];
            return written.Length > 3 && written.Contains('&') && written.Contains(';') ? WebUtility.HtmlDecode(written.ToString()) : written;
        }
    }

    /// <summary>Probability of the word's label.</summary>
    public float Score(int word) => _scores[_words[word].FirstToken + 1];

    public bool IsOutside(int word) => bio.TypeOf(_labels[word]) == BioLabels.Outside;

    /// <summary>Whether the model has a span go on with the word.</summary>
    public bool Continues(int word) => !IsOutside(word) && !bio.Begins(_labels[word]);

    /// <summary>How likely the word is part of a span, as far as its label's probability says.</summary>
    public float Inside(int word) => IsOutside(word) ? 1 - Score(word) : Score(word);

    /// <summary>How likely a span goes on with the word, as far as its label's probability says.</summary>
    public float Continuing(int word) => Continues(word) ? Score(word) : 1 - Score(word);

    /// <summary>Whether the span is one of people, by the name of its type.</summary>
    public bool IsPerson(WordSpan span) => bio.Types[span.Type] is "PER" or "PERSON" or "per" or "person";

    /// <summary>White space between a word and the one before it, or what no word holds.</summary>
    public ReadOnlySpan<char> Gap(int word) => word == 0 ? default : _text[_words[word - 1].End.._words[word].Start];

    /// <summary>UTF-16 units from the start of one word to the end of another.</summary>
    public int Length(int first, int last) => _words[last].End - _words[first].Start;

    public bool IsHyphen(int word) => this[word] is [var mark] && WordRules.IsHyphen(mark);

    /// <summary>Whether a hyphen joins the words on both its sides, without white space.</summary>
    public bool JoinsWords(int word) =>
        word > 0 && word + 1 < Count && IsHyphen(word) && Gap(word).IsEmpty && Gap(word + 1).IsEmpty
        && char.IsLetterOrDigit(this[word - 1][^1]) && char.IsLetterOrDigit(this[word + 1][0]);

    /// <summary>Whether the word has a letter or a digit.</summary>
    public bool IsReadable(int word)
    {
        foreach (var rune in this[word].EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune)) return true;
        }

        return false;
    }

    /// <summary>The type that most of the words' scores speak for; the one given where they say nothing.</summary>
    public int TypeOf(WordSpan span)
    {
        Span<float> votes = stackalloc float[bio.Types.Count];
        votes.Clear();
        var best = span.Type;
        for (var word = span.First; word < span.End; word++)
        {
            if (!IsOutside(word) && IsReadable(word)) votes[bio.TypeOf(_labels[word])] += Score(word);
        }

        for (var type = 0; type < votes.Length; type++)
        {
            if (votes[type] > votes[best]) best = type;
        }

        return best;
    }
}
