using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace MtlStream.Text;

/// <summary>BERT's WordPiece, uncased or cased. Text that spells a special token is ordinary text.</summary>
/// <remarks>
/// Same ids and ranges as Hugging Face <c>tokenizers</c> (BertNormalizer, BertPreTokenizer, WordPiece). Words of ASCII
/// are read by tables of 128 entries; all others go through <see cref="CharacterMap"/>, code point by code point.
/// Allocates nothing once the target has grown and the pages of the scripts in use are built.
/// </remarks>
internal sealed class WordPieceTokenizer : SubwordTokenizer
{
    private const int MaxUnits = 2 * VocabularyFile.MostWordChars; // UTF-16 units of the longest word; longer ones are unknown

    private readonly Vocabulary _vocabulary;
    private readonly CharacterMap _map;
    private readonly int _unknownId, _maxWordChars;
    private readonly bool _emojiVariants;
    private readonly CharacterMap.Kind[] _asciiKind = new CharacterMap.Kind[128];
    private readonly char[] _asciiChar = new char[128];

    /// <param name="emojiVariants">As <see cref="TokenizerSettings.EmojiVariants"/>.</param>
    /// <exception cref="InvalidDataException">The vocabulary lacks [CLS], [SEP] or the unknown token.</exception>
    public WordPieceTokenizer(VocabularyFile file, CharacterMap map, bool emojiVariants = false)
    {
        _emojiVariants = emojiVariants;
        _vocabulary = new Vocabulary(file.Tokens, file.Continuation);
        _map = map;
        _maxWordChars = file.MaxWordChars;
        _unknownId = Require(file.Unknown);
        ClsId = Require("[CLS]");
        SepId = Require("[SEP]");
        for (var c = 0; c < 128; c++)
        {
            var entry = _map[c];
            _asciiKind[c] = entry.Kind;
            _asciiChar[c] = entry.Replacement.Length == 1 ? entry.Replacement[0] : '\0';
        }

        int Require(string token) => _vocabulary.IdOf(token) is >= 0 and var id
            ? id
            : throw new InvalidDataException($"{file.Path}: no token {token} among {file.Tokens.Count}.");
    }

    public override int ClsId { get; }

    public override int SepId { get; }

    public override int UnknownId => _unknownId;

    public override string TokenText(int id) => _vocabulary[id];

    public override bool Encode(ReadOnlySpan<char> text, int offset, bool addWords, int limit, TokenizedText target)
    {
        var pieces = new PieceWriter(this, offset, addWords, limit, target);
        Span<char> word = stackalloc char[128];
        var i = 0;
        while (i < text.Length && !pieces.Full)
        {
            var start = i;
            var n = 0;
            var hash = Vocabulary.HashSeed;
            int upper = 0, lower = 0;
            uint c = 0;
            for (; i < text.Length; i++)
            {
                c = text[i];
                if (c >= 128 || _asciiKind[c] != CharacterMap.Kind.Word) break;
                var normal = _asciiChar[c];
                if (n < word.Length) word[n] = normal;
                n++;
                hash = Vocabulary.HashNext(hash, normal);
                if (c - 'A' <= 'Z' - 'A') upper++;
                else if (c - 'a' <= 'z' - 'a') lower++;
            }
            if (i < text.Length && (c >= 128 || _asciiKind[c] == CharacterMap.Kind.Dropped))
            {
                i = EncodeWord(text, start, ref pieces);
                continue;
            }
            if (n > 0)
            {
                var letterCase = CaseOf(upper, lower, char.IsAsciiLetterUpper(text[start]));
                if (n > word.Length || n > _maxWordChars) pieces.AddUnknown(start, i, letterCase);
                else pieces.Add(word[..n], hash, start, i, [], [], letterCase);
            }
            else if (_asciiKind[c] == CharacterMap.Kind.Alone)
            {
                word[0] = _asciiChar[c];
                pieces.Add(word[..1], Vocabulary.HashNext(hash, word[0]), i, i + 1, [], [], 0);
                i++;
            }
            else
            {
                i++;
            }
        }
        return !pieces.Truncated;
    }

    // Any characters: from i to the end of the first word; gives where to go on.
    private int EncodeWord(ReadOnlySpan<char> text, int i, ref PieceWriter pieces)
    {
        Span<char> units = stackalloc char[MaxUnits];
        Span<int> starts = stackalloc int[MaxUnits];
        Span<int> ends = stackalloc int[MaxUnits];
        var word = new WordBuffer(units, starts, ends, _maxWordChars);
        while (i < text.Length)
        {
            if (Rune.DecodeFromUtf16(text[i..], out var rune, out var size) != OperationStatus.Done) size = UnpairedLength(text[i..]);
            var entry = _map[rune.Value];
            switch (entry.Kind)
            {
                case CharacterMap.Kind.Word:
                    word.Append(entry, i, i + size);
                    break;
                case CharacterMap.Kind.Alone when word.IsEmpty:
                    word.Append(entry, i, i + size);
                    pieces.Add(ref word);
                    return i + size;
                case CharacterMap.Kind.Alone:
                    pieces.Add(ref word);
                    return i;
                case CharacterMap.Kind.Space:
                    pieces.Add(ref word);
                    return i + size;
                case CharacterMap.Kind.Mixed:
                    foreach (var part in entry.Replacement.EnumerateRunes())
                    {
                        var alone = CharacterMap.IsPunctuation(part);
                        if (alone) pieces.Add(ref word);
                        word.Append(part, entry, i, i + size);
                        if (alone) pieces.Add(ref word);
                    }
                    break;
                case CharacterMap.Kind.Reordered:
                    i = AppendMarks(text, i, ref word);
                    continue;
            }
            i += size;
        }
        pieces.Add(ref word);
        return i;
    }

    // A run of combining marks around i: kept marks in canonical order, at the places where marks were. Gives its end.
    private int AppendMarks(ReadOnlySpan<char> text, int i, scoped ref WordBuffer word)
    {
        while (i > 0 && Rune.DecodeLastFromUtf16(text[..i], out var before, out var width) == OperationStatus.Done
            && CharacterMap.CategoryOf(before.Value) == UnicodeCategory.NonSpacingMark) i -= width;
        var end = i;
        while (end < text.Length && Rune.DecodeFromUtf16(text[end..], out var mark, out var width) == OperationStatus.Done
            && CharacterMap.CategoryOf(mark.Value) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark) end += width;
        var original = text[i..end].ToString();
        // Ordering a run costs the square of its length. No language writes runs this long; they keep the order that they have.
        var ordered = original.Length > MaxUnits ? original : original.Normalize(NormalizationForm.FormD);
        if (ordered.Length != original.Length) ordered = original; // some decompose: their order is left as it is
        var runes = ordered.EnumerateRunes();
        foreach (var place in original.EnumerateRunes())
        {
            runes.MoveNext();
            var entry = _map[runes.Current.Value];
            if (entry.Kind != CharacterMap.Kind.Dropped) word.Append(entry, i, i + place.Utf16SequenceLength);
            i += place.Utf16SequenceLength;
        }
        return end;
    }

    // A run of high surrogates is unpaired as a whole, as in the reference.
    private static int UnpairedLength(ReadOnlySpan<char> text)
    {
        var length = 1;
        if (char.IsHighSurrogate(text[0]))
            while (length < text.Length && char.IsHighSurrogate(text[length])) length++;
        return length;
    }

    // 0 no upper-case letter, 1 only the first character, 2 two or more and no lower-case letter, 3 anything else.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte CaseOf(int upper, int lower, bool firstIsUpper) =>
        upper == 0 ? (byte)0 : upper == 1 && firstIsUpper ? (byte)1 : upper > 1 && lower == 0 ? (byte)2 : (byte)3;

    /// <summary>A word as normalized, each unit with the range of the text that it came from.</summary>
    private ref struct WordBuffer(Span<char> units, Span<int> starts, Span<int> ends, int maxChars)
    {
        private readonly Span<char> _units = units;
        private readonly Span<int> _starts = starts;
        private readonly Span<int> _ends = ends;
        private int _length, _chars, _upper, _lower;
        private bool _firstIsUpper;

        public readonly bool IsEmpty => _chars == 0;

        public readonly ReadOnlySpan<char> Units => _units[.._length];

        public readonly ReadOnlySpan<int> Starts => _starts[.._length];

        public readonly ReadOnlySpan<int> Ends => _ends[.._length];

        public readonly bool TooLong => _chars > maxChars;

        public int Start { get; private set; }

        public int End { get; private set; }

        public readonly byte Case => CaseOf(_upper, _lower, _firstIsUpper);

        public void Append(CharacterMap.Entry entry, int start, int end)
        {
            foreach (var part in entry.Replacement.EnumerateRunes()) AppendUnits(part, entry, start, end);
            Count(entry);
        }

        public void Append(Rune part, CharacterMap.Entry entry, int start, int end)
        {
            AppendUnits(part, entry, start, end);
            Count(entry);
        }

        public void Clear() => _length = _chars = _upper = _lower = 0;

        private void AppendUnits(Rune part, CharacterMap.Entry entry, int start, int end)
        {
            if (_chars++ == 0) (Start, _firstIsUpper) = (start, entry.Upper);
            End = end;
            if (TooLong) return;
            var written = part.EncodeToUtf16(_units[_length..]);
            for (var last = _length + written; _length < last; _length++) (_starts[_length], _ends[_length]) = (start, end);
        }

        private void Count(CharacterMap.Entry entry)
        {
            if (entry.Upper) _upper++;
            if (entry.Lower) _lower++;
        }
    }

    /// <summary>Cuts words into pieces and appends them, as long as there is room.</summary>
    private struct PieceWriter(WordPieceTokenizer tokenizer, int offset, bool addWords, int limit, TokenizedText target)
    {
        /// <summary>True when something found no room; nothing more is taken.</summary>
        public bool Truncated { get; private set; }

        public readonly bool Full => Truncated;

        public void Add(scoped ref WordBuffer word)
        {
            if (word.IsEmpty) return;
            if (word.TooLong)
            {
                AddUnknown(word.Start, word.End, word.Case);
            }
            else
            {
                var hash = Vocabulary.HashSeed;
                foreach (var unit in word.Units) hash = Vocabulary.HashNext(hash, unit);
                Add(word.Units, hash, word.Start, word.End, word.Starts, word.Ends, word.Case);
            }
            word.Clear();
        }

        public void AddUnknown(int start, int end, byte letterCase)
        {
            if (Truncated) return;
            target.Reserve(1)[0] = new Token(tokenizer._unknownId, offset + start, offset + end, letterCase, addWords);
            Commit(1, start, end);
        }

        /// <param name="starts">Where each unit's character starts in the text; empty when the word is the text's own units.</param>
        public void Add(
            ReadOnlySpan<char> word, uint hash, int start, int end, ReadOnlySpan<int> starts, ReadOnlySpan<int> ends, byte letterCase)
        {
            if (Truncated) return;
            var tokens = target.Reserve(word.Length);
            var id = tokenizer._vocabulary.Find(word, hash);
            if (id >= 0)
            {
                tokens[0] = new Token(id, offset + start, offset + end, letterCase, addWords);
                Commit(1, start, end);
                return;
            }
            var count = 0;
            for (var at = 0; at < word.Length;)
            {
                id = tokenizer._vocabulary.FindLongest(word[at..], at > 0, out var length);
                if (id < 0 && count > 0 && tokenizer._emojiVariants && BeginsWithEmoji(word))
                {
                    tokens[count - 1] = tokens[count - 1] with { End = offset + end };
                    break;
                }
                if (id < 0)
                {
                    AddUnknown(start, end, letterCase);
                    return;
                }
                var (first, last) = starts.IsEmpty ? (start + at, start + at + length) : (starts[at], ends[at + length - 1]);
                tokens[count++] = new Token(id, offset + first, offset + last, letterCase, addWords && at == 0);
                at += length;
            }
            Commit(count, start, end);
        }

        private static bool BeginsWithEmoji(ReadOnlySpan<char> word) =>
            Rune.DecodeFromUtf16(word, out var first, out _) == OperationStatus.Done && WordRules.ClassOf(first.Value) == CharClass.Emoji;

        private void Commit(int count, int start, int end)
        {
            var room = limit - target.Tokens.Length;
            if (count > room)
            {
                Truncated = true;
                count = room;
                if (count == 0 || (addWords && target.Tokens.Length > 0)) return; // cut between words
                end = target.Reserve(count)[count - 1].End - offset;
            }
            var first = target.Commit(count);
            if (addWords) target.Add(new Word(offset + start, offset + end, first));
        }
    }
}
