namespace MtlStream.Text;

/// <summary>What is one word of marks: smileys, drawn lines, emoji.</summary>
internal static class SymbolRules
{
    private const string LineMarks = "-=<>|+*~^_"; // drawn lines and arrows

    /// <summary>Adds the word that starts with a mark at p and gives its end.</summary>
    public static int Symbol(in WordChunk chunk, int p, ref WordEnds found)
    {
        var c = chunk.Text[p];
        var smiley = Smiley(in chunk, p, c);
        if (smiley > p) return found.Add(smiley);
        if (c is '.' or '!' or '?') return found.Add(Stops(in chunk, p, c));
        var q = p + 1;
        if (WordRules.IsApostrophe(c) || c == '‘')
        {
            var word = Apostrophe(in chunk, p, c);
            if (word > q) return found.Add(word);
        }
        if (c == '+' && p == chunk.Begin && chunk.Digit(q)) return found.Add(chunk.Digits(q));
        if (LineMarks.Contains(c))
        {
            while (q < chunk.End && LineMarks.Contains(chunk.Text[q]) && !chunk.IsKeycap(q)) q++;
            return found.Add(q);
        }
        if (c is '$' or '#' or '\\' or '/' or ',')
        {
            while (chunk.At(q) == c && !chunk.IsKeycap(q)) q++;
            return found.Add(q);
        }
        return found.Add(chunk.Modifiers(q));
    }

    /// <summary>End of one emoji with its modifiers, joiners and, for flags, its second letter.</summary>
    public static int Emoji(in WordChunk chunk, int p, int size)
    {
        var q = p + size;
        if (Regional(in chunk, p) && Regional(in chunk, q)) q += 2;
        while (q < chunk.End && chunk.Kind(q, out size) == CharClass.Modifier)
        {
            var joiner = chunk.Text[q] == '\u200D';
            q += size;
            if (joiner && q < chunk.End && IsPicture(chunk.Kind(q, out size), chunk.Text[q])) q += size;
        }
        return q;
    }

    private static bool IsPicture(CharClass kind, char c) =>
        kind == CharClass.Emoji || (kind == CharClass.Symbol && c >= '\u2190');

    private static bool Regional(in WordChunk chunk, int i) =>
        chunk.At(i) == '\uD83C' && chunk.At(i + 1) is >= '\uDDE6' and <= '\uDDFF';

    // End of a smiley at p, or p. Where another slash follows, :/ is part of an address.
    private static int Smiley(in WordChunk chunk, int p, char c)
    {
        if (c is not (':' or ';' or '=' or '(' or '<' or '>' or '^' or '-')) return p;
        if (p > chunk.Begin && char.IsAsciiDigit(chunk.Text[p - 1])) return p; // 3:(a)
        foreach (var smiley in WordRules.Emoticons)
        {
            if (smiley[0] != c || !chunk.Text[p..chunk.End].StartsWith(smiley)) continue;
            var end = p + smiley.Length;
            if (!chunk.Alnum(end) && !(smiley[^1] == '/' && chunk.At(end) == '/')) return end;
        }
        return p;
    }

    // Full stops and other marks that end sentences; and .5
    private static int Stops(in WordChunk chunk, int p, char c)
    {
        var q = p + 1;
        if (c == '.' && chunk.Digit(q) && !chunk.AlnumBefore(p)) return chunk.Digits(q);
        while (chunk.At(q) == '.') q++;
        if (q - p >= 3 && c == '.') return q; // "...?" is two words, ".?" is one
        while (chunk.At(q) is '.' or '!' or '?') q++;
        return q;
    }

    // End of a word that the apostrophe c at p begins: '90s, 'em, 's, 'n', ''; or p.
    private static int Apostrophe(in WordChunk chunk, int p, char c)
    {
        var q = p + 1;
        if (chunk.At(q) is 'n' or 'N' && WordRules.IsApostrophe(chunk.At(q + 1))) return q + 2;
        if (c == '‘') return chunk.At(q) == '’' ? q + 1 : p;
        if (!WordRules.IsLetterlike(c) || q >= chunk.End) return p;
        if (chunk.At(q) == c) return q + 1;
        var end = chunk.Run(q);
        if (chunk.Digit(q) && p == chunk.Begin) return end;
        if (chunk.On(WordLists.Elision, q, end)) return end;
        return p > chunk.Begin && chunk.On(WordLists.Clitic, q, end) ? end : p;
    }
}
