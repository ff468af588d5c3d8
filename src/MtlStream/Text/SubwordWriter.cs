namespace MtlStream.Text;

/// <summary>Appends the tokens of a text to what is there, and the words that they begin: runs without white space.</summary>
/// <param name="offset">Where <paramref name="text"/> begins in the original text, UTF-16 units.</param>
/// <param name="limit">Most tokens that <paramref name="target"/> may hold.</param>
internal ref struct SubwordWriter(ReadOnlySpan<char> text, int offset, bool addWords, int limit, TokenizedText target)
{
    private readonly ReadOnlySpan<char> _text = text;
    private int _wordEnd;

    /// <summary>How many more tokens there is room for.</summary>
    public readonly int Room => Math.Max(0, limit - target.Tokens.Length);

    /// <summary>Appends a token that was made of [start, end) of the text; white space in front is no part of its range. False when there is no room.</summary>
    public bool Add(int id, int start, int end)
    {
        while (start < end && char.IsWhiteSpace(_text[start])) start++;
        var begins = addWords && start >= _wordEnd && start < _text.Length && !char.IsWhiteSpace(_text[start]);
        if (target.Tokens.Length >= limit)
        {
            if (!begins) DropWord();
            return false;
        }

        target.Reserve(1)[0] = new Token(id, offset + start, offset + end, 0, begins);
        var index = target.Commit(1);
        if (!begins) return true;
        _wordEnd = start;
        while (_wordEnd < _text.Length && !char.IsWhiteSpace(_text[_wordEnd])) _wordEnd++;
        target.Add(new Word(offset + start, offset + _wordEnd, index));
        return true;
    }

    /// <summary>Takes off the last word, which is not whole, unless it is the first.</summary>
    public readonly void DropWord()
    {
        if (addWords && target.Words.Length > 1) target.CutTo(target.Words[^1].FirstToken);
    }
}
