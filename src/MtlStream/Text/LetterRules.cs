namespace MtlStream.Text;

/// <summary>What is one word of letters.</summary>
internal static class LetterRules
{
    /// <summary>Adds the word or words that start with a letter at p; gives the end of the last.</summary>
    public static int Word(in WordChunk chunk, int p, ref WordEnds found)
    {
        var q = chunk.Run(p);
        while (q < chunk.End)
        {
            var c = chunk.Text[q];
            if (c == '.' && Degree(in chunk, p, q) is var degree && degree > q) return found.Add(degree);
            if (c == '.' && chunk.AtMost(1, p, q)) return found.Add(Initials(in chunk, p, q));
            if (WordRules.IsApostrophe(c)) return Apostrophe(in chunk, p, q, ref found);
            var whole = Whole(in chunk, p, q, c);
            if (whole > q) return found.Add(whole);
            var joined = Joined(in chunk, p, q, c);
            if (joined == q) break;
            q = joined;
        }
        var stop = chunk.At(q) == '.' && chunk.At(q + 1) != '.' && !chunk.AtEnd(q + 1);
        if (stop && chunk.On(WordLists.Abbreviation, p, q)) return found.Add(q + 1);
        return Cut(in chunk, p, q, ref found);
    }

    /// <summary>End of a letter and a full stop: U.S., i.e., J.</summary>
    public static int Initials(in WordChunk chunk, int p, int q)
    {
        var single = chunk.AtMost(1, p, q);
        while (chunk.At(q) == '.' && chunk.Letter(q + 1))
        {
            chunk.Kind(q + 1, out var size);
            if (chunk.Alnum(q + 1 + size)) break;
            q += 1 + size;
            single = false;
        }
        if (chunk.At(q) != '.' || chunk.At(q + 1) == '.') return q;
        if (single && (!char.IsAsciiLetterUpper(chunk.Text[p]) || chunk.Text[p] == 'I' || chunk.AtEnd(q + 1))) return q;
        return chunk.AtEnd(q + 1) || chunk.Alnum(q + 1) ? q : q + 1;
    }

    /// <summary>Adds [p, q), in two words where it is written as one.</summary>
    public static int Cut(in WordChunk chunk, int p, int q, ref WordEnds found)
    {
        var word = chunk.Text[p..q];
        var cut = word.Length <= 8 ? WordRules.CutOf(word) : 0;
        if (cut > 0 && word is not "IM")
        {
            found.Add(p + cut);
            if (chunk.Is("dunno", p, q)) found.Add(p + 3);
        }
        return found.Add(q);
    }

    // End of a longer run that [p, q) and the mark c at q begin, or q.
    private static int Joined(in WordChunk chunk, int p, int q, char c)
    {
        var after = q + 1;
        if (c == '/') return chunk.On(WordLists.Slashed, p, chunk.Run(after)) ? chunk.Run(after) : q;
        if (!chunk.Alnum(after)) return q;
        var joins = c switch
        {
            '_' or '@' => true,
            '.' => chunk.On(WordLists.TopLevel, after, chunk.Run(after)),
            '&' => chunk.AtMost(3, p, q) && chunk.AtMost(3, after, chunk.Run(after)),
            '*' => chunk.Letter(after) && chunk.AtMost(3, p, q),
            _ => WordRules.IsHyphen(c) && chunk.On(WordLists.Prefix, p, q),
        };
        return joins ? chunk.Run(after) : q;
    }

    // End of a word that [p, q) and the mark c at q are: w/, US$, Yahoo!; or q.
    private static int Whole(in WordChunk chunk, int p, int q, char c)
    {
        var after = q + 1;
        var whole = c switch
        {
            '/' => q - p == 1 && chunk.Text[p] is 'w' or 'W' && !chunk.On(WordLists.Slashed, p, chunk.Run(after)),
            '$' => chunk.On(WordLists.Currency, p, q),
            '!' => chunk.Is("yahoo", p, q) && chunk.At(after) != '!',
            _ => false,
        };
        return whole ? after : q;
    }

    // End of a degree whose first full stop is at q: Ph.D., B.Sc., Ph.D.s; or q.
    private static int Degree(in WordChunk chunk, int p, int q)
    {
        var end = chunk.Run(q + 1);
        if (end == q + 1 || !chunk.On(WordLists.Degree, p, end)) return q;
        if (chunk.At(end) != '.' || chunk.At(end + 1) == '.') return end;
        return chunk.At(end + 1) is 's' && !chunk.Alnum(end + 2) ? end + 2 : end + 1;
    }

    // A run of letters [p, q) and an apostrophe at q.
    private static int Apostrophe(in WordChunk chunk, int p, int q, ref WordEnds found)
    {
        var after = q + 1;
        var end = chunk.Run(after);
        if (chunk.Is("t", after, end) && chunk.Text[q - 1] is 'n' or 'N' && q - 1 > p)
        {
            found.Add(q - 1);
            return found.Add(end);
        }
        if (chunk.On(WordLists.Clitic, after, end))
        {
            Cut(in chunk, p, q, ref found);
            return found.Add(end);
        }
        var outer = WordRules.IsApostrophe(chunk.At(end));
        if (end == after && Dropped(in chunk, p, q)) return found.Add(after);
        var quotes = !WordRules.IsLetterlike(chunk.Text[q]) || (outer && chunk.Is("n", after, end));
        var single = chunk.AtMost(1, after, end) && !chunk.AtMost(1, p, q) && chunk.Text[q] != '\u02BC'; // Ukrainian's
        if (quotes || single || end == after) return Cut(in chunk, p, q, ref found);
        // O'Connell, Shi'ite; l'espalier
        if (!outer || !chunk.Is("s", end + 1, chunk.Run(end + 1))) return Cut(in chunk, p, end, ref found);
        found.Add(end);
        return found.Add(chunk.Run(end + 1));
    }

    // Whether the apostrophe at q stands for letters left out behind [p, q): goin', rock n' roll.
    private static bool Dropped(in WordChunk chunk, int p, int q)
    {
        if (WordRules.IsApostrophe(chunk.At(p - 1)) || !WordRules.IsLetterlike(chunk.Text[q])) return false;
        if (chunk.Is("n", p, q)) return p == chunk.Begin && q + 1 == chunk.End;
        return q - 2 >= p && chunk.Is("in", q - 2, q) && !chunk.AtMost(3, p, q);
    }
}
