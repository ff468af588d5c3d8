using System.Runtime.CompilerServices;

namespace MtlStream.Text;

/// <summary>A piece of text between white space, and what the rules of words ask of its characters.</summary>
/// <param name="text">The whole text; all places are UTF-16 units of it.</param>
/// <param name="isLast">Whether nothing but white space follows: a full stop at its end ends the text.</param>
internal readonly ref struct WordChunk(ReadOnlySpan<char> text, int begin, int end, bool isLast)
{
    public readonly ReadOnlySpan<char> Text = text;
    public readonly int Begin = begin;
    public readonly int End = end;

    public bool AtEnd(int q) => isLast && q >= End;

    /// <summary>The class of the character at i, and its length in UTF-16 units.</summary>
    public CharClass Kind(int i, out int size)
    {
        var c = Text[i];
        size = 1;
        var paired = char.IsHighSurrogate(c) && i + 1 < Text.Length && char.IsLowSurrogate(Text[i + 1]);
        if (!paired) return WordRules.ClassOf(c) is var kind and not CharClass.Space ? kind : CharClass.Modifier; // a space within a word
        size = 2;
        return WordRules.ClassOf(char.ConvertToUtf32(c, Text[i + 1]));
    }

    public bool Letter(int i) => i < End && Kind(i, out _) == CharClass.Letter;

    public bool Ideograph(int i) => i < End && Kind(i, out _) == CharClass.Ideograph;

    public bool Digit(int i) => i < End && char.IsAsciiDigit(Text[i]) && !IsKeycap(i);

    public bool Alnum(int i) => i < End && IsAlnum(Kind(i, out _)) && !IsKeycap(i);

    public bool AlnumBefore(int i)
    {
        if (i <= Begin) return false;
        var pair = i - 2 >= Begin && char.IsLowSurrogate(Text[i - 1]) && char.IsHighSurrogate(Text[i - 2]);
        return IsAlnum(Kind(pair ? i - 2 : i - 1, out _));
    }

    /// <summary>The character at i; NUL, which no chunk holds, outside of it.</summary>
    public char At(int i) => i >= Begin && i < End ? Text[i] : '\0';

    /// <summary>End of the letters, digits and modifiers from i.</summary>
    public int Run(int i)
    {
        while (i < End && IsAlnum(Kind(i, out var size)) && !IsKeycap(i)) i += size;
        return i;
    }

    public int Letters(int i)
    {
        while (i < End && Kind(i, out var size) is CharClass.Letter or CharClass.Modifier) i += size;
        return i;
    }

    public int Digits(int i)
    {
        while (Digit(i)) i++;
        return i;
    }

    public int Modifiers(int i)
    {
        while (i < End && Kind(i, out var size) == CharClass.Modifier) i += size;
        return i;
    }

    /// <summary>Whether a digit, # or * at i is drawn as a key: 1️⃣.</summary>
    public bool IsKeycap(int i)
    {
        if (Text[i] > '9' || At(i + 1) < '\u20E3' || Text[i] is not ((>= '0' and <= '9') or '#' or '*')) return false;
        return At(i + 1) == '\u20E3' || (At(i + 1) is '\uFE0E' or '\uFE0F' && At(i + 2) == '\u20E3');
    }

    /// <summary>Whether [p, q) has at most so many characters, a surrogate pair counted as one.</summary>
    public bool AtMost(int limit, int p, int q)
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

    public bool On(WordLists list, int p, int q) => (WordRules.ListsOf(Text[p..q]) & list) != 0;

    public bool Is(string word, int p, int q) => WordRules.KeyOf(Text[p..q]) == WordRules.KeyOf(word);

    private static bool IsAlnum(CharClass kind) => kind is CharClass.Letter or CharClass.Digit or CharClass.Modifier;
}

/// <summary>Ends of the words found, each of which begins where the one before it ends.</summary>
internal struct WordEnds
{
    private const int Most = 4; // what one rule adds at most

    private Ends _ends;

    public int Count { get; private set; }

    public readonly int this[int index] => _ends[index];

    public int Add(int end)
    {
        _ends[Count++] = end;
        return end;
    }

    public void Clear() => Count = 0;

    [InlineArray(Most)]
    private struct Ends
    {
        private int _first;
    }
}
