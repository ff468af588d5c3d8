namespace MtlStream.Text;

// What is one word: the rules for letters, numbers and symbols. Each takes the place p where the word starts, adds the
// ends of one or more words and gives the last of them.
public ref partial struct WordSplitter
{
    private const string RuleMarks = "-=<>|+*~^_"; // drawn lines and arrows

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
}
