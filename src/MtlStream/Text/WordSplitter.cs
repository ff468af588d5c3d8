using System.Buffers;

namespace MtlStream.Text;

/// <summary>Finds the words of a raw text the way UD English-EWT does: do|n't, it|'s, 5|pm, #tag, a@b.org.</summary>
/// <remarks>
/// The model was trained on the words that this finds. Lazy: a caller who stops early pays only for what was read.
/// Linear in the text: every rule looks at a bounded number of characters or moves forward.
/// Text between white space is a chunk. Addresses with a scheme are looked for first; what lies between them is read
/// from left to right by <see cref="AddressRules"/>, <see cref="LetterRules"/>, <see cref="NumberRules"/> and
/// <see cref="SymbolRules"/>.
/// </remarks>
public ref struct WordSplitter
{
    private static readonly SearchValues<char> AddressMarks = SearchValues.Create("@./:");

    // Marks that a name such as example.org or a@b.org is rarely a part behind: 5.example.org, and/or.
    private static readonly SearchValues<char> InsideNames = SearchValues.Create("-./\\&+$%_~^#@!°©®™§¶");

    private readonly ReadOnlySpan<char> _text;
    private readonly int _last; // end of the text without white space
    private WordChunk _chunk; // without the address at its end
    private int _chunkEnd; // where white space or the end of the text is
    private int _urlEnd; // end of the address that starts where _chunk ends; 0 for none
    private int _at; // where scanning goes on
    private bool _fresh; // a name such as example.org may start here
    private bool _addresses; // the chunk has a character that every address has
    private int _from; // start of the next word found
    private int _taken;
    private WordEnds _found; // words found, some of them taken: within a chunk one begins where the last ended

    public WordSplitter(ReadOnlySpan<char> text)
    {
        _text = text;
        _last = text.Length;
        while (_last > 0 && WordRules.ClassOf(text[_last - 1]) == CharClass.Space) _last--;
    }

    /// <summary>Gives the next word as [start, end) in UTF-16 units; false when there is none.</summary>
    public bool TryNext(out int start, out int end)
    {
        if (_taken == _found.Count && !Scan())
        {
            start = end = 0;
            return false;
        }
        start = _from;
        end = _from = _found[_taken++];
        return true;
    }

    // Finds at least one word, or says that there is none.
    private bool Scan()
    {
        _found.Clear();
        _taken = 0;
        while (_at >= _chunk.End)
        {
            if (_urlEnd > 0)
            {
                _from = _chunk.End;
                _fresh = true;
                BeginAt(_found.Add(_urlEnd));
                return true;
            }
            if (!NextChunk()) return false;
            if (_found.Count > 0) return true;
        }
        _from = _at;
        _at = Read(_at);
        return true;
    }

    private bool NextChunk()
    {
        var begin = _chunkEnd;
        while (begin < _last && WordRules.ClassOf(_text[begin]) == CharClass.Space) begin++;
        if (begin >= _last) return false;
        var plain = true;
        var address = false;
        var end = begin;
        for (; end < _last; end++)
        {
            var kind = WordRules.ClassOf(_text[end]);
            if (kind == CharClass.Letter && !char.IsSurrogate(_text[end])) continue;
            if (kind == CharClass.Space && (address || !IsWithinWord(begin, end))) break;
            address |= _text[end] is '.' or '/' or ':';
            plain = false;
        }
        _chunkEnd = end;
        _chunk = new WordChunk(_text, begin, end, end == _last);
        _from = begin;
        if (plain)
        {
            _at = LetterRules.Cut(in _chunk, begin, end, ref _found);
            return true;
        }
        _fresh = true;
        _addresses = _text[begin..end].ContainsAny(AddressMarks);
        BeginAt(begin);
        return true;
    }

    // Whether the space at i has no width and stands between letters, so that people see one word.
    private readonly bool IsWithinWord(int begin, int i)
    {
        if (!WordRules.HasNoWidth(_text[i]) || i == begin) return false;
        if (WordRules.HasNoWidth(_text[i - 1])) return true; // it was within the word
        if (!WordRules.IsSpacedLetter(_text[i - 1])) return false;
        var after = i + 1;
        while (after < _last && WordRules.HasNoWidth(_text[after])) after++;
        return after < _last && WordRules.IsSpacedLetter(_text[after]);
    }

    // Goes on within the chunk, as far as the next address with a scheme.
    private void BeginAt(int at)
    {
        _at = at;
        _urlEnd = 0;
        var end = _chunkEnd;
        var whole = new WordChunk(_text, _chunk.Begin, end, end == _last);
        if (_addresses && AddressRules.FindUrl(in whole, at, out var start, out var stop))
        {
            end = start;
            _urlEnd = stop;
        }
        _chunk = new WordChunk(_text, _chunk.Begin, end, end == _last);
    }

    // Adds the word or words that start at p and gives the end of the last.
    private int Read(int p)
    {
        var c = _text[p];
        var kind = _chunk.Kind(p, out var size);
        var special = Special(p, c, kind);
        if (special > p) return _found.Add(special);
        switch (kind)
        {
            case CharClass.Letter or CharClass.Modifier:
                return LetterRules.Word(in _chunk, p, ref _found);
            case CharClass.Digit:
                return NumberRules.Number(in _chunk, p, ref _found);
            case CharClass.Ideograph:
                return _found.Add(_chunk.Modifiers(p + size));
            case CharClass.Emoji:
                _fresh = true;
                return _found.Add(SymbolRules.Emoji(in _chunk, p, size));
            default:
                _fresh = !InsideNames.Contains(c);
                return SymbolRules.Symbol(in _chunk, p, ref _found);
        }
    }

    // End of a keycap, tag, handle or address at p, or p.
    private int Special(int p, char c, CharClass kind)
    {
        if (_chunk.IsKeycap(p)) return _chunk.Modifiers(p + 1);
        if (c is '@' or '#' or '!' or '＠' or '＃')
        {
            if (!_fresh && _chunk.AlnumBefore(p)) return p;
            var end = HandleRules.Handle(in _chunk, p);
            if (end > p) _fresh = true;
            return end;
        }
        if (kind is not (CharClass.Letter or CharClass.Digit) && c is not ('~' or '/' or '.' or '-')) return p;
        var named = _addresses && !_chunk.AlnumBefore(p) ? AddressRules.Marked(in _chunk, p) : p;
        if (named == p && _fresh && _addresses) named = AddressRules.Name(in _chunk, p);
        _fresh = false;
        return named;
    }
}
