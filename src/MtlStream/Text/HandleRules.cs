namespace MtlStream.Text;

/// <summary>Handles and tags: @ann, #fun, #90s, @ann@example.social, @ann.example.com, !news@example.social.</summary>
internal static class HandleRules
{
    /// <summary>End of a handle or tag whose mark is at p, or p.</summary>
    public static int Handle(in WordChunk chunk, int p)
    {
        var c = chunk.Text[p];
        if (c == '!') return p == chunk.Begin || chunk.At(p - 1) is '(' or '[' ? Remote(in chunk, p) : p;
        if (c is '#' or '＃') return Tag(in chunk, p, ideographs: true);
        var remote = Remote(in chunk, p);
        if (remote > p) return remote;
        var plain = Tag(in chunk, p, ideographs: false);
        if (plain == p) return p;
        var dotted = chunk.At(plain) is '.' or '-' ? Host(in chunk, p + 1) : p;
        return dotted > plain ? dotted : plain;
    }

    // Letters, digits and underscores with a letter among them. An amount or a time behind @ is none: @5pm, @2.975.
    private static int Tag(in WordChunk chunk, int p, bool ideographs)
    {
        var q = p + 1;
        var named = false;
        var marked = false;
        while (q < chunk.End && !chunk.IsKeycap(q))
        {
            var kind = chunk.Kind(q, out var size);
            marked |= chunk.Text[q] == '_';
            named |= kind == CharClass.Letter || (ideographs && kind == CharClass.Ideograph);
            var belongs = kind is CharClass.Letter or CharClass.Digit or CharClass.Modifier || chunk.Text[q] == '_';
            if (!belongs && !(ideographs && kind == CharClass.Ideograph)) break;
            q += size;
        }
        if (!named && !(marked && !ideographs)) return p;
        return ideographs || !IsAmount(in chunk, p + 1, q) ? q : p;
    }

    private static bool IsAmount(in WordChunk chunk, int p, int q)
    {
        var unit = chunk.Digits(p);
        if (unit == p || !chunk.On(WordLists.Unit, unit, q)) return false;
        return char.IsAsciiLetterLower(chunk.Text[unit]) || chunk.Is("am", unit, q) || chunk.Is("pm", unit, q);
    }

    // @user@host, whose user may have full stops and hyphens; @user:host of a known top-level domain.
    private static int Remote(in WordChunk chunk, int p)
    {
        var q = p + 1;
        while (q < chunk.End && (chunk.Alnum(q) || chunk.Text[q] is '_' or '.' or '-'))
        {
            chunk.Kind(q, out var size);
            q += size;
        }
        if (q == p + 1 || !(chunk.AlnumBefore(q) || chunk.Text[q - 1] == '_')) return p;
        if (chunk.At(q) == '@') return Labels(in chunk, q + 1, out var end, out _) > 1 ? end : p;
        return chunk.At(q) == ':' && chunk.Text[p] != '!' && Host(in chunk, q + 1) is var host && host > q ? host : p;
    }

    // End of a host of a known top-level domain at p, or 0.
    private static int Host(in WordChunk chunk, int p) =>
        Labels(in chunk, p, out var end, out var last) > 1 && chunk.On(WordLists.TopLevel, last, end) ? end : 0;

    // Count and end of the labels of a host at p, and where the last of them starts.
    private static int Labels(in WordChunk chunk, int p, out int end, out int last)
    {
        var count = 0;
        end = last = p;
        for (var q = p; chunk.Alnum(q); q = end + 1)
        {
            last = q;
            end = chunk.Run(q);
            while (chunk.At(end) is '-' or '_')
            {
                var next = end;
                while (chunk.At(next) is '-' or '_') next++;
                if (!chunk.Alnum(next)) break;
                end = chunk.Run(next);
            }
            count++;
            if (chunk.At(end) != '.') break;
        }
        return count;
    }
}
