using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace MtlStream.Text;

/// <summary>Finds the words of a raw text the way UD English-EWT does: do|n't, it|'s, 5|pm, #tag, a@b.org.</summary>
/// <remarks>
/// Rule by rule the scanner of <c>training/mtltrain/words.py</c>, on UTF-16 units; the model was trained on the words
/// it finds, so change both together. Lazy: a caller who stops early pays only for what was read. Linear in the text.
/// </remarks>
public ref partial struct WordSplitter
{
    private const string ClosingMarks = ".,;:!?)]}>'’…*";
    private static readonly SearchValues<char> BeforeAddress = SearchValues.Create("<>()[]{}\"',;:?*|‘’“”—…");
    private static readonly SearchValues<char> AddressMarks = SearchValues.Create("@./:");
    // Browsers and servers take no longer ones. A bound at all, because an address may start behind every mention.
    private const int LongestAddress = 2000;
    private static readonly SearchValues<char> NameMarks = SearchValues.Create("._%+-@&=~!#$/");
    private static readonly string[] Schemes = ["http://", "https://", "ftp://", "www.", "mailto:"];

    private readonly ReadOnlySpan<char> _s;
    private readonly int _last; // end of the text without white space
    private int _b, _e; // the chunk: a piece of text between white space
    private int _p; // where scanning goes on
    private bool _fresh; // an address may start here
    private bool _addresses; // the chunk has a character that every address has
    private int _from; // start of the next word found
    private int _count, _taken;
    private WordEnds _ends; // words found and not yet taken: within a chunk one begins where the last ended

    public WordSplitter(ReadOnlySpan<char> text)
    {
        _s = text;
        _last = text.Length;
        while (_last > 0 && WordRules.ClassOf(text[_last - 1]) == CharClass.Space) _last--;
    }

    /// <summary>Gives the next word as [start, end) in UTF-16 units; false when there is none.</summary>
    public bool TryNext(out int start, out int end)
    {
        if (_taken == _count && !Scan())
        {
            start = end = 0;
            return false;
        }
        start = _from;
        end = _from = _ends[_taken++];
        return true;
    }

    // Finds at least one word, or says that there is none.
    private bool Scan()
    {
        _taken = _count = 0;
        if (_p >= _e && !NextChunk()) return false;
        if (_count > 0) return true;
        _from = _p;
        var c = _s[_p];
        var kind = Kind(_p, out var size);
        if (c is '@' or '#' && (_fresh || !AlnumBefore(_p)))
        {
            var q = Mention(_p);
            if (q > _p)
            {
                _fresh = true;
                _p = Add(q);
                return true;
            }
        }
        else if (_fresh && (kind is CharClass.Letter or CharClass.Digit || c is '~' or '/' or '.' or '-'))
        {
            _fresh = false;
            var q = _addresses ? Address(_p) : _p;
            if (q > _p)
            {
                _p = Add(q);
                return true;
            }
        }
        switch (kind)
        {
            case CharClass.Letter or CharClass.Modifier:
                _p = Word(_p);
                break;
            case CharClass.Digit:
                _p = Number(_p);
                break;
            case CharClass.Ideograph:
                _p = Add(_p + size);
                break;
            case CharClass.Emoji:
                _p = Emoji(_p, size);
                _fresh = true;
                break;
            default:
                _fresh = BeforeAddress.Contains(c);
                _p = Symbol(_p);
                break;
        }
        return true;
    }

    private bool NextChunk()
    {
        var i = _e;
        while (i < _last && WordRules.ClassOf(_s[i]) == CharClass.Space) i++;
        if (i >= _last) return false;
        _b = _p = i;
        var plain = true;
        for (; i < _last; i++)
        {
            var kind = WordRules.ClassOf(_s[i]);
            if (kind == CharClass.Letter && !char.IsSurrogate(_s[i])) continue;
            if (kind == CharClass.Space) break;
            plain = false;
        }
        _e = i;
        _fresh = true;
        _addresses = !plain && _s[_b.._e].ContainsAny(AddressMarks);
        if (!plain) return true;
        _from = _b;
        _p = Cut(_b, _e);
        return true;
    }

    private int Add(int end) => _ends[_count++] = end;

    // Whether nothing follows q: a full stop there ends the sentence.
    private readonly bool AtEnd(int q) => _e == _last && q >= _e;

    // -- characters -------------------------------------------------------------------------

    private readonly CharClass Kind(int i, out int size)
    {
        var c = _s[i];
        size = 1;
        if (!char.IsHighSurrogate(c) || i + 1 >= _s.Length || !char.IsLowSurrogate(_s[i + 1])) return WordRules.ClassOf(c);
        size = 2;
        return WordRules.ClassOf(char.ConvertToUtf32(c, _s[i + 1]));
    }

    private static bool IsAlnum(CharClass kind) => kind is CharClass.Letter or CharClass.Digit or CharClass.Modifier;

    private readonly bool Letter(int i) => i < _e && Kind(i, out _) == CharClass.Letter;

    private readonly bool Digit(int i) => i < _e && char.IsAsciiDigit(_s[i]);

    private readonly bool Alnum(int i) => i < _e && IsAlnum(Kind(i, out _));

    private readonly bool AlnumBefore(int i)
    {
        if (i <= _b) return false;
        var pair = i - 2 >= _b && char.IsLowSurrogate(_s[i - 1]) && char.IsHighSurrogate(_s[i - 2]);
        return IsAlnum(Kind(pair ? i - 2 : i - 1, out _));
    }

    // The character at i; NUL, which no chunk holds, outside of it.
    private readonly char At(int i) => i >= _b && i < _e ? _s[i] : '\0';

    private readonly int Run(int i)
    {
        while (i < _e && IsAlnum(Kind(i, out var size))) i += size;
        return i;
    }

    private readonly int Letters(int i)
    {
        while (i < _e && Kind(i, out var size) is CharClass.Letter or CharClass.Modifier) i += size;
        return i;
    }

    private readonly int Digits(int i)
    {
        while (i < _e && char.IsAsciiDigit(_s[i])) i++;
        return i;
    }

    // Whether [p, q) has at most so many characters, a surrogate pair counted as one.
    private readonly bool AtMost(int limit, int p, int q)
    {
        if (q - p <= limit) return true;
        if (q - p > 2 * limit) return false;
        var count = 0;
        for (var i = p; i < q; count++)
        {
            Kind(i, out var size);
            i += size;
        }
        return count <= limit;
    }

    private readonly bool On(WordLists list, int p, int q) => (WordRules.ListsOf(_s[p..q]) & list) != 0;

    private readonly bool Is(string word, int p, int q) => WordRules.KeyOf(_s[p..q]) == WordRules.KeyOf(word);

    private static bool IsApostrophe(char c) => c is '\'' or '’' or '`' or '´';

    // -- addresses, file names --------------------------------------------------------------

    // End of a URL, e-mail address, file name or host at p, or p.
    private readonly int Address(int p)
    {
        foreach (var scheme in Schemes)
        {
            if (_e - p < scheme.Length || !Ascii.EqualsIgnoreCase(_s.Slice(p, scheme.Length), scheme)) continue;
            var length = _s[p.._e].IndexOfAny('<', '>', '"');
            return Untrail(p + 4, length < 0 ? _e : p + length);
        }
        var name = Name(p);
        if (name - p > LongestAddress) return p;
        var q = Untrail(p, name);
        int at = -1, dot = -1, slash = -1;
        for (var i = p; i < q; i++)
        {
            if (_s[i] == '@') at = i;
            else if (_s[i] == '.') dot = i;
            else if (_s[i] == '/' && slash < 0) slash = i;
        }
        if (slash < 0 && at > p && Alnum(at + 1) && (AlnumBefore(at) || (_s[at - 1] == '.' && at - 1 > p))) return q;
        if (slash > p)
        {
            dot = slash;
            while (dot > p && _s[dot] != '.') dot--;
            return dot > p && On(WordLists.TopLevel, dot + 1, slash) ? q : p;
        }
        if (dot > p && _s[dot - 1] != '.' && On(WordLists.TopLevel, dot + 1, q)) return q;
        var first = Letters(p);
        return At(first) == '.' && Letter(first + 1) && On(WordLists.Newsgroup, p, first) ? q : p;
    }

    // End of a mention or hashtag at p, or p.
    private readonly int Mention(int p)
    {
        var q = p + 1;
        if (!Letter(q) && At(q) != '_') return p;
        while (q < _e && (_s[q] == '_' || Alnum(q)))
        {
            Kind(q, out var size);
            q += size;
        }
        return q;
    }

    // End of the characters that addresses and file names are made of, or a place beyond the longest address.
    private readonly int Name(int q)
    {
        var limit = Math.Min(_e, q + LongestAddress + 1);
        while (q < limit)
        {
            var kind = Kind(q, out var size);
            if (kind is not (CharClass.Letter or CharClass.Digit) && !NameMarks.Contains(_s[q])) break;
            q += size;
        }
        return q;
    }

    private readonly int Untrail(int p, int q)
    {
        while (q > p && ClosingMarks.Contains(_s[q - 1])) q--;
        return q;
    }

    [InlineArray(4)]
    private struct WordEnds
    {
        private int _first;
    }
}
