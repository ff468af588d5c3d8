using System.Text;

namespace MtlStream.Text;

/// <summary>
/// Reads a text as a SentencePiece model sees it, one chunk after the other. A chunk begins where U+2581 stands for white space, and no
/// piece reaches from one into the next. Each unit of a chunk knows where in the text begins what it was made of.
/// </summary>
/// <remarks>The same units and places as SentencePiece's own normalizer gives, which takes the whole text at once.</remarks>
internal ref struct NormalizedText
{
    private const char Space = '\u2581';

    private readonly ReadOnlySpan<char> _text;
    private readonly CharacterRules _rules;
    private readonly bool _dropsSpaces;
    private readonly int _mostUnits;
    private char[] _units = new char[64];
    private int[] _starts = new int[64];
    private int _count; // units read, those of the chunk first
    private int _length; // of the chunk
    private int _searched; // units that the chunk does not end before
    private bool _spacesAlone; // those are nothing but spaces
    private int _at; // what is read of the text
    private bool _afterSpace;

    /// <param name="mostUnits">Longest chunk. A longer one is cut there, and is the last.</param>
    public NormalizedText(ReadOnlySpan<char> text, CharacterRules rules, bool dummyPrefix, bool dropsSpaces, int mostUnits)
    {
        _text = text;
        _rules = rules;
        _dropsSpaces = dropsSpaces;
        _mostUnits = mostUnits;
        _afterSpace = dropsSpaces;
        if (dropsSpaces) SkipSpaces();
        if (dummyPrefix && _at < text.Length) Append(Space, _at);
    }

    /// <summary>The chunk that was read last, without unpaired surrogates.</summary>
    public readonly ReadOnlySpan<char> Chunk => _units.AsSpan(0, _length);

    /// <summary>Where in the text begins what each unit of the chunk was made of.</summary>
    public readonly ReadOnlySpan<int> Starts => _starts.AsSpan(0, _length);

    /// <summary>Where in the text begins what comes behind the chunk.</summary>
    public int End { get; private set; }

    /// <summary>The last chunk was too long and is not whole.</summary>
    public bool Cut { get; private set; }

    /// <summary>Reads the next chunk; false when there is none.</summary>
    public bool Read()
    {
        if (Cut) return false;
        DropChunk();
        while (!FindEnd())
        {
            if (_count >= _mostUnits)
            {
                Cut = true;
                _length = _count;
                End = _at;
                return true;
            }

            if (_at == _text.Length) return ReadLast();
            ReadCharacters();
        }

        End = _starts[_length];
        return true;
    }

    private void DropChunk()
    {
        _count -= _length;
        _units.AsSpan(_length, _count).CopyTo(_units);
        _starts.AsSpan(_length, _count).CopyTo(_starts);
        _length = 0;
        _searched = 0;
    }

    private bool FindEnd()
    {
        for (; _searched < _count; _searched++)
        {
            var isSpace = _units[_searched] == Space;
            if (_searched == 0)
            {
                _spacesAlone = isSpace;
                continue;
            }

            // Spaces that a text ends with are dropped: a space by itself is a chunk only when something comes behind it.
            var ends = isSpace && !(_spacesAlone && _dropsSpaces);
            var endedAtOnce = !isSpace && _spacesAlone && _searched > 1;
            _length = ends ? _searched : endedAtOnce ? 1 : 0;
            if (_length > 0) return true;
            _spacesAlone &= isSpace;
        }

        return false;
    }

    private bool ReadLast()
    {
        End = _text.Length;
        while (_dropsSpaces && _count > 0 && _units[_count - 1] == Space) End = _starts[--_count];
        _length = _count;
        return _length > 0;
    }

    private void SkipSpaces()
    {
        while (_at < _text.Length)
        {
            var units = _rules.Find(_text[_at..], out var replacement);
            var isSpace = units > 0 ? replacement is [(byte)' '] : _text[_at] == ' ';
            if (!isSpace) return;
            _at += Math.Max(1, units);
        }
    }

    private void ReadCharacters()
    {
        var start = _at;
        var units = _rules.Find(_text[start..], out var replacement);
        if (units > 0)
        {
            _at += units;
            AppendAll(replacement, start);
            return;
        }

        Rune.DecodeFromUtf16(_text[start..], out var rune, out units); // U+FFFD for an unpaired surrogate
        _at += units;
        Span<byte> utf8 = stackalloc byte[4];
        AppendAll(utf8[..rune.EncodeToUtf8(utf8)], start);
    }

    private void AppendAll(scoped ReadOnlySpan<byte> utf8, int start)
    {
        if (_afterSpace) utf8 = utf8.TrimStart((byte)' ');
        if (utf8.IsEmpty) return;
        _afterSpace = _dropsSpaces && utf8[^1] == ' ';
        Span<char> units = stackalloc char[2];
        while (!utf8.IsEmpty)
        {
            Rune.DecodeFromUtf8(utf8, out var rune, out var bytes);
            utf8 = utf8[bytes..];
            foreach (var unit in units[..rune.EncodeToUtf16(units)]) Append(unit == ' ' ? Space : unit, start);
        }
    }

    private void Append(char unit, int start)
    {
        if (_count == _units.Length)
        {
            Array.Resize(ref _units, 2 * _count);
            Array.Resize(ref _starts, 2 * _count);
        }

        _units[_count] = unit;
        _starts[_count++] = start;
    }
}
