namespace MtlStream.Text;

/// <summary>What is one word of digits: 1,234.5, 12:30, 345-9945, 9/11, 5|pm.</summary>
internal static class NumberRules
{
    private const int MostGroups = 9;

    /// <summary>Adds the word or words that start with a digit at p; gives the end of the last.</summary>
    public static int Number(in WordChunk chunk, int p, ref WordEnds found)
    {
        var q = Plain(in chunk, p);
        if (IsJoint(chunk.At(q)) && chunk.Digit(q + 1))
        {
            var groups = Groups(in chunk, p, out var last);
            var whole = groups >= 3 || (groups == 2 && IsPair(in chunk, p, last));
            if (whole && !chunk.Alnum(last)) return found.Add(last);
        }
        var end = chunk.Run(q);
        if (end == q)
        {
            var plural = WordRules.IsApostrophe(chunk.At(q)) && chunk.At(q + 1) is 's' or 'S' && !chunk.Alnum(q + 2);
            return found.Add(plural ? q + 2 : q);
        }
        if ((chunk.Is("a", q, end) || chunk.Is("p", q, end)) && chunk.At(end) == '.' && chunk.Letter(end + 1))
        {
            found.Add(q);
            return found.Add(LetterRules.Initials(in chunk, q, end));
        }
        if (chunk.On(WordLists.Unit, q, end))
        {
            found.Add(q);
            return found.Add(end);
        }
        var possessive = WordRules.IsApostrophe(chunk.At(end)) && chunk.Is("s", end + 1, chunk.Run(end + 1));
        return found.Add(possessive ? chunk.Run(end + 1) : end);
    }

    // 1,234.5  12:30  713.853.3989
    private static int Plain(in WordChunk chunk, int p)
    {
        var q = chunk.Digits(p);
        while (q < chunk.End)
        {
            if (chunk.Text[q] is '.' or ':' && chunk.Digit(q + 1)) q = chunk.Digits(q + 1);
            else if (chunk.Text[q] == ',' && chunk.Digit(q + 1) && chunk.Digits(q + 1) - q == 4) q += 4;
            else break;
        }
        return q;
    }

    private static bool IsJoint(char c) => c == '/' || WordRules.IsHyphen(c);

    // Count and end of the digit groups, joined by hyphens and slashes, that start at p.
    private static int Groups(in WordChunk chunk, int p, out int end)
    {
        end = chunk.Digits(p);
        var count = 1;
        while (count < MostGroups && IsJoint(chunk.At(end)) && chunk.Digit(end + 1))
        {
            end = chunk.Digits(end + 1);
            count++;
        }
        return count;
    }

    // Whether two groups are one word: 345-9945, 77042-2016, 9/11; not 10-15, 3/4 cups of 2001/02.
    private static bool IsPair(in WordChunk chunk, int p, int end)
    {
        var middle = chunk.Digits(p);
        var first = middle - p;
        var second = end - middle - 1;
        if (chunk.Text[middle] != '/') return second == 4 && first is 1 or 3 or 5;
        if (first > 2 || second > 2 || first + second == 2) return false;
        return Value(in chunk, p, middle) is >= 1 and <= 12 && Value(in chunk, middle + 1, end) is >= 1 and <= 31;
    }

    private static int Value(in WordChunk chunk, int p, int q)
    {
        var value = 0;
        for (; p < q; p++) value = (value * 10) + chunk.Text[p] - '0';
        return value;
    }
}
