using System.Text;

namespace MtlStream.Text;

/// <summary>A text as it is read, with the range of the original that each of its UTF-16 units comes from.</summary>
/// <remarks>Owns rented buffers; whoever makes one disposes it, once.</remarks>
internal sealed class ReadableText : IDisposable
{
    private PooledArray<char> _units;
    private PooledArray<int> _starts, _ends;
    private int _length;

    private ReadableText(int capacity)
    {
        _units = new(capacity);
        _starts = new(capacity);
        _ends = new(capacity);
    }

    public ReadOnlySpan<char> Units => _units.Span[.._length];

    /// <summary>Reads a text in another way than as it stands; null when nothing of it is read so.</summary>
    /// <param name="letters">Letters of <see cref="LookAlikes"/> as the plain ones.</param>
    /// <param name="html">Entities of HTML as the characters that they stand for.</param>
    public static ReadableText? Of(ReadOnlySpan<char> text, bool letters, bool html)
    {
        var folds = letters && LookAlikes.IndexOf(text) >= 0;
        if (!folds && !(html && text.Contains('&'))) return null;
        var read = new ReadableText(text.Length + 8);
        var runEnd = 0;
        var disguised = false;
        for (var i = 0; i < text.Length;)
        {
            if (html && text[i] == '&' && HtmlEntities.Read(text[i..], out var entity) is { } decoded)
            {
                read.AddEntity(decoded, i, i + entity, letters);
                i += entity;
                continue;
            }

            if (letters && i >= runEnd && char.IsLetter(text[i]))
            {
                runEnd = i + 1;
                while (runEnd < text.Length && char.IsLetter(text[runEnd])) runEnd++;
                disguised = LookAlikes.IsDisguised(text[i..runEnd]);
            }

            i += letters ? read.AddPlain(text, i, disguised && i < runEnd) : read.Add(text[i], i, i + 1);
        }

        return read;
    }

    /// <summary>Where in the original the units [start, end) come from. An empty range stays empty.</summary>
    public (int Start, int End) Original(int start, int end)
    {
        if (start < end) return (_starts.Span[start], _ends.Span[end - 1]);
        var behind = _length > 0 ? _ends.Span[_length - 1] : 0;
        var at = start < _length ? _starts.Span[start] : behind;
        return (at, at);
    }

    public void Dispose()
    {
        _units.Dispose();
        _starts.Dispose();
        _ends.Dispose();
    }

    private void AddEntity(string decoded, int start, int end, bool letters)
    {
        var plain = letters && Rune.GetRuneAt(decoded, 0) is var rune && rune.Utf16SequenceLength == decoded.Length
            ? LookAlikes.PlainOf(rune.Value, '\0') : null;
        foreach (var unit in plain ?? decoded) Add(unit, start, end);
    }

    // Adds the character at i as the plain one that it stands for; gives its length.
    private int AddPlain(ReadOnlySpan<char> text, int i, bool disguised)
    {
        var c = text[i];
        if (char.IsAscii(c)) return Add(c, i, i + 1);
        var size = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? 2 : 1;
        var next = i + size < text.Length ? text[i + size] : '\0';
        var plain = LookAlikes.PlainOf(size == 2 ? char.ConvertToUtf32(c, text[i + 1]) : c, next);
        if (plain is not null)
        {
            foreach (var unit in plain) Add(unit, i, i + size);
            return size;
        }

        var twin = disguised ? LookAlikes.TwinOf(c) : '\0';
        return Add(twin == '\0' ? c : twin, i, i + 1);
    }

    private int Add(char unit, int start, int end)
    {
        if (_length == _units.Length)
        {
            Grow(ref _units);
            Grow(ref _starts);
            Grow(ref _ends);
        }

        _units.Span[_length] = unit;
        _starts.Span[_length] = start;
        _ends.Span[_length] = end;
        _length++;
        return 1;
    }

    private static void Grow<T>(ref PooledArray<T> array)
    {
        var larger = new PooledArray<T>(array.Length * 2);
        array.Span.CopyTo(larger.Span);
        array.Dispose();
        array = larger;
    }
}
