using System.Buffers.Binary;
using System.Text;

namespace MtlStream.Text;

/// <summary>The character rules of a SentencePiece model: what becomes of which characters before they are cut into pieces.</summary>
/// <remarks>
/// The format is the model's <c>precompiled_charsmap</c>: the length of a double array trie in bytes, the trie
/// (https://github.com/s-yata/darts-clone), and behind it the replacements, in UTF-8, each with a zero byte at its end.
/// </remarks>
internal sealed class CharacterRules
{
    private const int MaxUtf8 = 4;

    private readonly uint[] _trie;
    private readonly byte[] _replacements;

    /// <param name="map">Empty for a model without rules.</param>
    /// <exception cref="InvalidDataException">The map is damaged.</exception>
    public CharacterRules(ReadOnlySpan<byte> map)
    {
        if (map.IsEmpty)
        {
            _trie = [];
            _replacements = [];
            return;
        }

        var bytes = map.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (bytes > map.Length - sizeof(uint) || bytes % sizeof(uint) != 0)
            throw new InvalidDataException($"The character map has {map.Length} bytes, of which the trie should take {bytes}.");
        map = map[sizeof(uint)..];
        _trie = new uint[bytes / sizeof(uint)];
        for (var i = 0; i < _trie.Length; i++) _trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(i * sizeof(uint))..]);
        _replacements = map[(int)bytes..].ToArray();
    }

    /// <summary>Finds the longest rule for the beginning of a text.</summary>
    /// <param name="replacement">UTF-8, perhaps empty, when a rule was found.</param>
    /// <returns>UTF-16 units that the rule takes; 0 when there is none.</returns>
    public int Find(ReadOnlySpan<char> text, out ReadOnlySpan<byte> replacement)
    {
        replacement = default;
        if (_trie.Length == 0) return 0;
        Span<byte> utf8 = stackalloc byte[MaxUtf8];
        var at = Offset(_trie[0]);
        var taken = 0;
        var longest = 0;
        var value = 0u;
        while (taken < text.Length)
        {
            Rune.DecodeFromUtf16(text[taken..], out var rune, out var units); // U+FFFD for an unpaired surrogate
            taken += units;
            var ends = false;
            foreach (var label in utf8[..rune.EncodeToUtf8(utf8)])
            {
                at ^= label;
                if (at >= _trie.Length || Label(_trie[at]) != label) return Found(longest, value, out replacement);
                ends = HasValue(_trie[at]);
                at ^= Offset(_trie[at]);
            }

            if (!ends || at >= _trie.Length) continue;
            longest = taken;
            value = _trie[at] & 0x7FFF_FFFF;
        }

        return Found(longest, value, out replacement);
    }

    private int Found(int units, uint value, out ReadOnlySpan<byte> replacement)
    {
        replacement = default;
        if (units == 0 || value >= _replacements.Length) return 0;
        var rest = _replacements.AsSpan((int)value);
        var length = rest.IndexOf((byte)0);
        replacement = length < 0 ? rest : rest[..length];
        return units;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private static uint Label(uint unit) => unit & 0x8000_00FF;

    private static bool HasValue(uint unit) => (unit & 0x100) != 0;
}
