using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace MtlStream.Tokenization;

/// <summary>Finds the words of a raw text the way UD English-EWT does: do|n't, it|'s, 5|pm, #tag, a@b.org.</summary>
/// <remarks>
/// Rule by rule the scanner of <c>training/mtltrain/words.py</c>, on UTF-16 units; the model was trained on the words
/// it finds, so change both together. Lazy: a caller who stops early pays only for what was read. Linear in the text.
/// </remarks>
public ref struct WordSplitter
{
    private const string ClosingMarks = ".,;:!?)]}>'’…*";
    private const string RuleMarks = "-=<>|+*~^_"; // drawn lines and arrows
    private static readonly SearchValues<char> BeforeAddress = SearchValues.Create("<>()[]{}\"',;:?*|‘’“”—…");
    private static readonly SearchValues<char> AddressMarks = SearchValues.Create("@./:");
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
        var q = Untrail(p, Name(p));
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

    // End of the characters that addresses and file names are made of.
    private readonly int Name(int q)
    {
        while (q < _e)
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

    // -- words ------------------------------------------------------------------------------

    // Words that start with a letter at p.
    private int Word(int p)
    {
        var q = Run(p);
        while (q < _e)
        {
            var (c, after) = (_s[q], q + 1);
            if (c == '_' && Alnum(after)) q = Run(after);
            else if (c == '.' && AtMost(1, p, q)) return Initials(p, q);
            else if (c == '.' && Alnum(after) && On(WordLists.TopLevel, after, Run(after))) q = Run(after);
            else if (c == '-' && Alnum(after) && On(WordLists.Prefix, p, q)) q = Run(after);
            else if (c == '&' && Alnum(after) && AtMost(3, p, q) && AtMost(3, after, Run(after))) q = Run(after);
            else if (c == '@' && Alnum(after)) q = Run(after);
            else if (c == '*' && Letter(after) && AtMost(3, p, q)) q = Run(after);
            else if (c == '/' && On(WordLists.Slashed, p, Run(after))) q = Run(after);
            else if (c == '/' && q - p == 1 && _s[p] is 'w' or 'W') return Add(after);
            else if (c == '$' && On(WordLists.Currency, p, q)) return Add(after);
            else if (c == '!' && Is("yahoo", p, q) && At(after) != '!') return Add(after);
            else if (IsApostrophe(c)) return Apostrophe(p, q);
            else break;
        }
        if (At(q) == '.' && At(q + 1) != '.' && !AtEnd(q + 1) && On(WordLists.Abbreviation, p, q)) return Add(q + 1);
        return Cut(p, q);
    }

    // A letter and a full stop: U.S., i.e., J.
    private int Initials(int p, int q)
    {
        var single = AtMost(1, p, q);
        while (At(q) == '.' && Letter(q + 1))
        {
            Kind(q + 1, out var size);
            if (Alnum(q + 1 + size)) break;
            q += 1 + size;
            single = false;
        }
        if (At(q) != '.' || At(q + 1) == '.') return Add(q);
        if (single && (!char.IsAsciiLetterUpper(_s[p]) || _s[p] == 'I' || AtEnd(q + 1))) return Add(q);
        return Add(AtEnd(q + 1) || Alnum(q + 1) ? q : q + 1);
    }

    // A run of letters [p, q) and an apostrophe at q.
    private int Apostrophe(int p, int q)
    {
        var after = q + 1;
        var end = Run(after);
        if (Is("t", after, end) && _s[q - 1] is 'n' or 'N' && q - 1 > p)
        {
            Add(q - 1);
            return Add(end);
        }
        if (On(WordLists.Clitic, after, end))
        {
            Cut(p, q);
            return Add(end);
        }
        if (end == after)
            return q - 2 >= p && Is("in", q - 2, q) && !AtMost(3, p, q) && !IsApostrophe(At(p - 1)) ? Add(q + 1) : Cut(p, q);
        if (AtMost(1, after, end) && !AtMost(1, p, q)) return Cut(p, q);
        // O'Connell, Shi'ite; l'espalier
        if (!IsApostrophe(At(end)) || !Is("s", end + 1, Run(end + 1))) return Cut(p, end);
        Add(end);
        return Add(Run(end + 1));
    }

    // Adds [p, q), in two words where it is written as one.
    private int Cut(int p, int q)
    {
        var word = _s[p..q];
        var cut = word.Length <= 8 ? WordRules.CutOf(word) : 0;
        if (cut > 0 && word is not "IM")
        {
            Add(p + cut);
            if (Is("dunno", p, q)) Add(p + 3);
        }
        return Add(q);
    }

    // -- numbers ----------------------------------------------------------------------------

    private int Number(int p)
    {
        var q = Digits(p);
        // 1,234.5  12:30  713.853.3989
        while (q < _e)
        {
            if (_s[q] is '.' or ':' && Digit(q + 1)) q = Digits(q + 1);
            else if (_s[q] == ',' && Digit(q + 1) && Digits(q + 1) - q == 4) q += 4;
            else break;
        }
        if (At(q) is '-' or '/' && Digit(q + 1))
        {
            var groups = Groups(p, out var last);
            if (!Alnum(last) && (groups >= 3 || (groups == 2 && IsPair(p, last)))) return Add(last);
        }
        var end = Run(q);
        if (end == q)
            return IsApostrophe(At(q)) && At(q + 1) is 's' or 'S' && !Alnum(q + 2) ? Add(q + 2) : Add(q);
        if ((Is("a", q, end) || Is("p", q, end)) && At(end) == '.' && Letter(end + 1))
        {
            Add(q);
            return Initials(q, end);
        }
        if (On(WordLists.Unit, q, end))
        {
            Add(q);
            return Add(end);
        }
        return IsApostrophe(At(end)) && Is("s", end + 1, Run(end + 1)) ? Add(Run(end + 1)) : Add(end);
    }

    // Count and end of the digit groups, joined by hyphens and slashes, that start at p; at most nine.
    private readonly int Groups(int p, out int end)
    {
        end = Digits(p);
        var count = 1;
        for (; count < 9 && At(end) is '-' or '/' && Digit(end + 1); count++) end = Digits(end + 1);
        return count;
    }

    // Whether two groups are one word: 345-9945, 77042-2016, 9/11; not 10-15, 3/4 cups of 2001/02.
    private readonly bool IsPair(int p, int end)
    {
        var middle = Digits(p);
        var (first, second) = (middle - p, end - middle - 1);
        if (_s[middle] == '-') return second == 4 && first is 1 or 3 or 5;
        if (first > 2 || second > 2 || first + second == 2) return false;
        return Value(p, middle) is >= 1 and <= 12 && Value(middle + 1, end) is >= 1 and <= 31;
    }

    private readonly int Value(int p, int q)
    {
        var value = 0;
        for (; p < q; p++) value = (value * 10) + _s[p] - '0';
        return value;
    }

    // -- symbols ----------------------------------------------------------------------------

    private int Symbol(int p)
    {
        var c = _s[p];
        if (c is ':' or ';' or '=' or '(' or '<' or '>' or '^' or '-' && !(p > _b && char.IsAsciiDigit(_s[p - 1])))
        {
            foreach (var emoticon in WordRules.Emoticons)
            {
                if (emoticon[0] == c && _s[p.._e].StartsWith(emoticon) && !Alnum(p + emoticon.Length)) return Add(p + emoticon.Length);
            }
        }
        var q = p + 1;
        switch (c)
        {
            case '.' when Digit(q) && !AlnumBefore(p):
                return Add(Digits(q));
            case '.' or '!' or '?':
                while (At(q) == '.') q++;
                if (q - p >= 3 && c == '.') return Add(q); // "...?" is two words, ".?" is one
                while (At(q) is '.' or '!' or '?') q++;
                return Add(q);
            case '\'' or '’' when q < _e:
                if (_s[q] == c) return Add(q + 1);
                var end = Run(q);
                if ((Digit(q) && p == _b) || On(WordLists.Elision, q, end)) return Add(end);
                if (p > _b && On(WordLists.Clitic, q, end)) return Add(end);
                break;
            case '‘' when At(q) == '’':
                return Add(q + 1);
            case '+' when p == _b && Digit(q):
                return Add(Digits(q));
        }
        if (RuleMarks.Contains(c))
        {
            while (q < _e && RuleMarks.Contains(_s[q])) q++;
            return Add(q);
        }
        if (c is '$' or '#' or '\\' or '/' or ',')
        {
            while (At(q) == c) q++;
            return Add(q);
        }
        return Add(Modifiers(q));
    }

    private readonly int Modifiers(int q)
    {
        while (q < _e && Kind(q, out var size) == CharClass.Modifier) q += size;
        return q;
    }

    // One emoji with its modifiers, joiners and, for flags, its second letter.
    private int Emoji(int p, int size)
    {
        var q = p + size;
        if (Regional(p) && Regional(q)) q += 2;
        while (q < _e && Kind(q, out size) == CharClass.Modifier)
        {
            var joiner = _s[q] == '\u200D';
            q += size;
            if (joiner && q < _e && Kind(q, out size) == CharClass.Emoji) q += size;
        }
        return Add(q);
    }

    private readonly bool Regional(int i) => At(i) == '\uD83C' && At(i + 1) is >= '\uDDE6' and <= '\uDDFF';

    [InlineArray(4)]
    private struct WordEnds
    {
        private int _first;
    }
}
