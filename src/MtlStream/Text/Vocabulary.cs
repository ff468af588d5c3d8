using System.Numerics;
using System.Runtime.CompilerServices;

namespace MtlStream.Text;

/// <summary>The word pieces of a model and their ids, made for finding the longest piece at a place. Immutable.</summary>
internal sealed class Vocabulary
{
    private readonly string[] _tokens; // by id
    private readonly Table _first, _following;

    /// <param name="tokens">Tokens in the order of their ids.</param>
    /// <param name="continuation">What marks a piece that continues a word, such as <c>##</c>.</param>
    public Vocabulary(IReadOnlyList<string> tokens, string continuation)
    {
        _tokens = [.. tokens];
        _first = new Table(_tokens, "", continuation);
        _following = new Table(_tokens, continuation, "");
    }

    public string this[int id] => _tokens[id];

    /// <summary>The id of a token as it stands in the vocabulary file, or -1.</summary>
    public int IdOf(string token) => Array.IndexOf(_tokens, token);

    /// <summary>The whole word as one piece, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(ReadOnlySpan<char> word, uint hash) => word.Length > _first.Longest ? -1 : _first.Find(word, hash);

    /// <summary>The longest piece that <paramref name="rest"/> starts with, or -1.</summary>
    /// <param name="rest">What is left of a word; not empty.</param>
    public int FindLongest(ReadOnlySpan<char> rest, bool following, out int length)
    {
        var table = following ? _following : _first;
        var longest = Math.Min(rest.Length, table.Longest);
        Span<uint> hashes = stackalloc uint[256];
        if (longest > hashes.Length) hashes = new uint[longest];
        var hash = HashSeed;
        for (var i = 0; i < longest; i++) hashes[i] = hash = HashNext(hash, rest[i]);
        for (length = longest; length > 0; length--)
        {
            var id = table.Find(rest[..length], hashes[length - 1]);
            if (id >= 0) return id;
        }
        return -1;
    }

    /// <summary>Start of a word's hash; add its UTF-16 units in order with <see cref="HashNext"/>.</summary>
    public const uint HashSeed = 2166136261;

    // FNV-1a over UTF-16 units.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint HashNext(uint hash, char c) => (hash ^ c) * 16777619;

    /// <summary>Open addressing with linear probing, a quarter full.</summary>
    private sealed class Table
    {
        private readonly Slot[] _slots;
        private readonly char[] _chars;
        private readonly int _mask;

        private struct Slot
        {
            public uint Hash;
            public int Start; // in _chars
            public int Length; // 0: free
            public int Id;
        }

        public int Longest { get; }

        public Table(string[] tokens, string prefix, string otherPrefix)
        {
            var pieces = new List<(string Text, int Id)>();
            for (var id = 0; id < tokens.Length; id++)
            {
                var token = tokens[id];
                if (!token.StartsWith(prefix, StringComparison.Ordinal) || token.Length == prefix.Length) continue;
                if (otherPrefix.Length > 0 && token.StartsWith(otherPrefix, StringComparison.Ordinal)) continue;
                pieces.Add((token[prefix.Length..], id));
            }
            Longest = pieces.Count == 0 ? 0 : pieces.Max(piece => piece.Text.Length);
            _chars = new char[pieces.Sum(piece => piece.Text.Length)];
            _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, pieces.Count * 3))];
            _mask = _slots.Length - 1;
            var start = 0;
            foreach (var (text, id) in pieces)
            {
                text.CopyTo(_chars.AsSpan(start));
                var hash = HashSeed;
                foreach (var c in text) hash = HashNext(hash, c);
                var at = Place(hash);
                while (_slots[at].Length > 0) at = (at + 1) & _mask;
                _slots[at] = new Slot { Hash = hash, Start = start, Length = text.Length, Id = id };
                start += text.Length;
            }
        }

        public int Find(ReadOnlySpan<char> piece, uint hash)
        {
            for (var at = Place(hash); ; at = (at + 1) & _mask)
            {
                ref var slot = ref _slots[at];
                if (slot.Length == 0) return -1;
                if (slot.Hash == hash && piece.SequenceEqual(_chars.AsSpan(slot.Start, slot.Length))) return slot.Id;
            }
        }

        private int Place(uint hash) => (int)((hash ^ (hash >> 15)) * 0x9E3779B1 >> 8) & _mask;
    }
}
