using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace MtlStream.Text;

/// <summary>Addresses, hosts, e-mail addresses and file names.</summary>
/// <remarks>
/// Each rule gives the end of what it finds, or the place that it was given when it finds nothing. Bounded: an address
/// is read once, plus <see cref="LongestBracket"/> units where a bracket is opened and never closed. A name without a
/// scheme is read no further than <see cref="LongestName"/> units, because one may start behind every mention.
/// </remarks>
internal static class AddressRules
{
    private const int LongestName = 320;
    private const int LongestScheme = 32;
    private const int LongestBracket = 256;
    private const int DeepestBracket = 8;

    private static readonly SearchValues<char> NameMarks = SearchValues.Create("._%+-@&=~!#$/");
    private static readonly SearchValues<char> Ending = SearchValues.Create("<>\"|`\\");
    private const string Shortener = "t.co/"; // its links are letters and digits, and tweets go on right behind them
    private static readonly string[] Outer = ["jdbc:", "view-source:", "blob:"];
    private static readonly string[] Entities = ["lt;", "gt;", "quot;", "#34;", "#39;", "#x27;", "apos;", "nbsp;"];

    /// <summary>Finds the first address with a scheme and :// at or behind <paramref name="from"/>.</summary>
    public static bool FindUrl(in WordChunk chunk, int from, out int start, out int end)
    {
        for (var at = from; ; at = end)
        {
            var found = chunk.Text[at..chunk.End].IndexOf("://");
            start = end = 0;
            if (found < 0) return false;
            var colon = at + found;
            var host = colon + 3;
            end = host;
            start = Scheme(in chunk, from, colon, out var web);
            if (start < 0) continue;
            var alone = new WordChunk(chunk.Text, chunk.Begin, NextUrl(in chunk, host), isLast: false);
            var brief = web && alone.Text[host..alone.End].StartsWith(Shortener);
            end = brief ? alone.Run(host + Shortener.Length) : UrlEnd(in alone, start, host, web);
            if (end > host || web) return true;
        }
    }

    /// <summary>End of an address that its first letters tell: www., mailto:, tel:, magnet:, urn:, data:.</summary>
    public static int Marked(in WordChunk chunk, int p)
    {
        var rest = chunk.Text[p..chunk.End];
        var length = 0;
        if (StartsWith(rest, "www.")) length = chunk.Alnum(p + 4) || chunk.Ideograph(p + 4) ? 4 : 0;
        else if (StartsWith(rest, "mailto:")) length = rest.Length > 7 ? 7 : 0;
        else if (rest.StartsWith("tel:+")) length = chunk.Digit(p + 5) ? 5 : 0;
        else if (rest.StartsWith("magnet:?")) length = 8;
        else if (StartsWith(rest, "urn:")) length = chunk.Alnum(p + 4) && chunk.At(chunk.Run(p + 4)) == ':' ? 4 : 0;
        else if (rest.StartsWith("data:")) length = chunk.Alnum(p + 5) && chunk.At(chunk.Run(p + 5)) == '/' ? 5 : 0;
        return length > 0 ? UrlEnd(in chunk, p, p + length, web: rest[0] is 'w' or 'W' or 'm' or 'M') : p;
    }

    /// <summary>End of an e-mail address, file name or host at p, with what follows the host.</summary>
    public static int Name(in WordChunk chunk, int p)
    {
        if (chunk.Text[p] == '.' && chunk.At(p + 1) == '@') return p; // a dot that is put before a handle
        var end = NameEnd(in chunk, p);
        if (end - p > LongestName) return p;
        if (chunk.At(end) == '/') // a path behind a host
        {
            var before = chunk.Text[p..end].LastIndexOf('.');
            return before > 0 && chunk.On(WordLists.TopLevel, p + before + 1, end) ? UrlEnd(in chunk, p, p, true) : p;
        }
        var q = Untrail(in chunk, p, end, p);
        var name = chunk.Text[p..q];
        var at = name.LastIndexOf('@');
        if (at > 0 && chunk.Alnum(p) && IsMail(in chunk, p, p + at)) return q;
        var dot = name.LastIndexOf('.');
        if (dot > 0 && name[dot - 1] != '.' && chunk.On(WordLists.TopLevel, p + dot + 1, q))
        {
            var port = chunk.At(q) == ':' && chunk.Digit(q + 1);
            var query = chunk.At(q) == '?' && chunk.Alnum(q + 1);
            return q == end && (port || query) ? UrlEnd(in chunk, p, p, true) : q;
        }
        var first = chunk.Letters(p);
        return chunk.At(first) == '.' && chunk.Letter(first + 1) && chunk.On(WordLists.Newsgroup, p, first) ? q : p;
    }

    private static bool StartsWith(ReadOnlySpan<char> text, string start) =>
        text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);

    private static bool IsMail(in WordChunk chunk, int p, int at) =>
        chunk.Alnum(at + 1) && (chunk.AlnumBefore(at) || (chunk.Text[at - 1] == '.' && at - 1 > p));

    // Start of an address right behind the one whose host starts at host: a.com/xhttps://b.com; or the chunk's end.
    private static int NextUrl(in WordChunk chunk, int host)
    {
        var found = chunk.Text[host..chunk.End].IndexOf("://");
        if (found < 0) return chunk.End;
        var known = Web(chunk.Text[host..(host + found)]);
        var start = host + found - known;
        return known > 0 && start > host && chunk.AlnumBefore(start) ? start : chunk.End;
    }

    // Length of the scheme of the web at the end of a name, 0 for none.
    private static int Web(ReadOnlySpan<char> name) => EndsWith(name, "https") ? 5 : EndsWith(name, "http") ? 4 : 0;

    // Start of the scheme whose colon is given, or -1. web: one that is an address whatever follows.
    private static int Scheme(in WordChunk chunk, int from, int colon, out bool web)
    {
        var start = colon;
        while (start > from && colon - start < LongestScheme && IsScheme(chunk.Text[start - 1])) start--;
        var name = chunk.Text[start..colon];
        var known = Web(name);
        web = known > 0 || name.Equals("ftp", StringComparison.OrdinalIgnoreCase);
        // texthttps://: the word before it goes on until it
        var joined = known > 0 && known < name.Length && name[^(known + 1)] != '+';
        if (joined) return Outward(in chunk, from, colon - known);
        start += name.LastIndexOf('.') + 1;
        while (start < colon && !char.IsAsciiLetter(chunk.Text[start])) start++;
        if (colon - start < 2) return -1;
        return web || Follows(in chunk, colon + 3) ? Outward(in chunk, from, start) : -1;
    }

    private static bool EndsWith(ReadOnlySpan<char> text, string end) =>
        text.Length >= end.Length && Ascii.EqualsIgnoreCase(text[^end.Length..], end);

    private static bool IsScheme(char c) => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.';

    private static bool Follows(in WordChunk chunk, int host) =>
        chunk.Alnum(host) || chunk.At(host) is '/' or '[' or '{' or '$' or '%' or '_' or ':' or '~' or '.' or '*';

    // A scheme around another: jdbc:mysql://
    private static int Outward(in WordChunk chunk, int from, int start)
    {
        foreach (var outer in Outer)
        {
            if (start - outer.Length >= from && chunk.Text[..start].EndsWith(outer)) return start - outer.Length;
        }
        return start;
    }

    // End of the characters that names are made of, or a place beyond the longest name.
    private static int NameEnd(in WordChunk chunk, int p)
    {
        var limit = Math.Min(chunk.End, p + LongestName + 1);
        var rooted = chunk.Text[p] == '/';
        var q = p;
        while (q < limit)
        {
            var c = chunk.Text[q];
            var kind = chunk.Kind(q, out var size);
            if (c == '/' && !rooted) break;
            if (kind is not (CharClass.Letter or CharClass.Digit) && !NameMarks.Contains(c)) break;
            q += size;
        }
        return q;
    }

    // End of an address whose host starts at host: as far as its characters go, without what closes the sentence.
    private static int UrlEnd(in WordChunk chunk, int start, int host, bool web)
    {
        var open = default(Places);
        var depth = 0;
        var path = false;
        var i = host;
        while (i < chunk.End && (depth == 0 || i - open[0] <= LongestBracket))
        {
            var c = chunk.Text[i];
            var kind = chunk.Kind(i, out var size);
            path |= c is '/' or '?' or '#';
            if (Ends(in chunk, i, c, kind, start, !path, web)) break;
            if (c is '(' or '[' or '{')
            {
                if (depth == DeepestBracket || (!path && !OpensHost(in chunk, i, host))) break;
                open[depth++] = i;
            }
            else if (c is ')' or ']' or '}')
            {
                if (depth == 0 || Closer(chunk.Text[open[depth - 1]]) != c) break;
                depth--;
            }
            i += size;
        }
        return Untrail(in chunk, host, depth > 0 ? open[0] : i, start);
    }

    private static bool OpensHost(in WordChunk chunk, int i, int host) =>
        chunk.Text[i] != '(' && (i == host || chunk.Text[i - 1] is '@' or '.' or ':');

    private static char Closer(char opener) => opener switch { '(' => ')', '[' => ']', _ => '}' };

    // Whether no address goes on with the character c at i.
    private static bool Ends(in WordChunk chunk, int i, char c, CharClass kind, int start, bool inHost, bool web)
    {
        if (Ending.Contains(c)) return true;
        switch (c)
        {
            case '\'':
                var next = chunk.At(i + 1);
                if (chunk.At(start - 1) == '\'' || next is '\0' or ',' or ';' or ')' or ']' or '}' or '>') return true;
                return chunk.On(WordLists.Clitic, i + 1, chunk.Run(i + 1)) && next is 's';
            case ',' or ';':
                return (web && inHost) || StartsWith(chunk.Text[(i + 1)..chunk.End], "http");
            case '&':
                foreach (var entity in Entities)
                {
                    if (chunk.Text[(i + 1)..chunk.End].StartsWith(entity)) return true;
                }
                return false;
            case '¡' or '«' or '»' or '¿' or '´' or '©' or '®' or '™':
                return true;
            case '–':
                return inHost || !chunk.AlnumBefore(i) || !chunk.Alnum(i + 1);
        }
        if (kind == CharClass.Modifier && char.IsSurrogate(c) && !inHost) return true; // a skin tone
        if (kind == CharClass.Emoji) return !inHost || !NamesHost(in chunk, start, i);
        return kind == CharClass.Symbol && c > '\u00BF' && !WordRules.IsHyphen(c);
    }

    // Whether the emoji at i is part of a host: ✪df.ws, not example.com🎉.
    private static bool NamesHost(in WordChunk chunk, int start, int i)
    {
        if (chunk.Text[start..i].Contains('.')) return false;
        chunk.Kind(i, out var size);
        var after = chunk.Modifiers(i + size);
        return chunk.Alnum(after) || chunk.At(after) == '.';
    }

    // Takes off what closes the sentence, the quotation or the emphasis around an address.
    private static int Untrail(in WordChunk chunk, int p, int q, int start)
    {
        var before = chunk.At(start - 1);
        for (; q > p; q--)
        {
            var c = chunk.Text[q - 1];
            var closes = c is '.' or ',' or ';' or ':' or '!' or '?' or '\'' or '*' || (c == before && c is '_' or '~' or '=');
            if (!closes && c is not ((>= '\u200C' and <= '\u206F') or (>= '\uFE00' and <= '\uFE0F'))) break;
        }
        return q;
    }

    [InlineArray(DeepestBracket)]
    private struct Places
    {
        private int _first;
    }
}
