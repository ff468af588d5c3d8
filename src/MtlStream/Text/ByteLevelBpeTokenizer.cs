using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace MtlStream.Text;

/// <summary>Byte-level BPE as of GPT-2 and RoBERTa, from <c>vocab.json</c> and <c>merges.txt</c>. Text that spells a special token is ordinary text.</summary>
/// <remarks>
/// Same ids and ranges as Hugging Face <c>tokenizers</c> (ByteLevel, BPE), but that white space in front of a token is no part of its range.
/// Microsoft.ML.Tokenizers merges the bytes. How it splits a text, and where it says that tokens are, differs beyond U+FFFF and for
/// characters of several bytes: both are done here.
/// </remarks>
internal sealed class ByteLevelBpeTokenizer : SubwordTokenizer
{
    private static readonly string[] s_contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private readonly BpeTokenizer _bpe;
    private readonly Dictionary<int, string> _tokens;
    private readonly int _longest;

    private ByteLevelBpeTokenizer(string path, BpeTokenizer bpe)
    {
        _bpe = bpe;
        var vocabulary = bpe.Vocabulary;
        _tokens = vocabulary.ToDictionary(entry => entry.Value, entry => entry.Key);
        _longest = vocabulary.Keys.Max(token => token.Length);
        ClsId = Require("<s>", "[CLS]");
        SepId = Require("</s>", "[SEP]");

        int Require(string token, string other) =>
            vocabulary.TryGetValue(token, out var id) || vocabulary.TryGetValue(other, out id)
                ? id
                : throw new InvalidDataException($"{path}: neither {token} nor {other} among {vocabulary.Count} tokens.");
    }

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    public override int ClsId { get; }

    public override int SepId { get; }

    /// <summary>Reads the files that the manifest names by the roles <c>vocab</c> and <c>merges</c>.</summary>
    /// <exception cref="InvalidDataException">A file is not there, or is not what it should be.</exception>
    public static ByteLevelBpeTokenizer Load(TokenizerSettings settings)
    {
        var vocabulary = settings.FileOf("vocab");
        var merges = settings.FileOf("merges");
        try
        {
            return new(vocabulary, BpeTokenizer.Create(new BpeOptions(vocabulary, merges) { ByteLevel = true }));
        }
        catch (Exception exception) when (exception is System.Text.Json.JsonException or ArgumentException or InvalidOperationException)
        {
            throw new InvalidDataException($"{vocabulary} and {merges} are no byte-level BPE that can be read: {exception.Message}", exception);
        }
    }

    /// <summary>Spellings of the tokens by id, a character for each byte.</summary>
    public IReadOnlyDictionary<int, string> Tokens => _tokens;

    public override string TokenText(int id) => _tokens[id];

    public override bool Encode(ReadOnlySpan<char> text, int offset, bool addWords, int limit, TokenizedText target)
    {
        var tokens = new SubwordWriter(text, offset, addWords, limit, target);
        var most = (int)Math.Min(int.MaxValue, (tokens.Room + 1L) * _longest);
        for (var start = 0; start < text.Length;)
        {
            // A part of more units than this has more tokens than there is room for.
            var end = EndOfPart(text[..(int)Math.Min(text.Length, start + most + 1L)], start);
            var cut = end - start > most;
            if (!Encode(text, start, cut ? start + most : end, ref tokens) || cut) return false;
            start = end;
        }

        return true;
    }

    private bool Encode(ReadOnlySpan<char> text, int start, int end, ref SubwordWriter tokens)
    {
        var encoded = _bpe.EncodeToTokens(WithoutUnpaired(text[start..end]), out _, considerPreTokenization: false, considerNormalization: false);
        var (at, left) = (start, 0); // the character that the next byte is of, and how many bytes of it are left
        foreach (var token in encoded)
        {
            // A character of a token's spelling is a byte of the text.
            var first = at;
            var bytes = token.Value.Length;
            var past = at;
            while (bytes > 0)
            {
                Rune.DecodeFromUtf16(text[at..end], out var rune, out var units); // U+FFFD for an unpaired surrogate
                if (left == 0) left = rune.Utf8SequenceLength;
                var taken = Math.Min(left, bytes);
                left -= taken;
                bytes -= taken;
                past = at + units;
                if (left == 0) at = past;
            }

            if (!tokens.Add(token.Id, first, past)) return false;
        }

        return true;
    }

    /// <summary>
    /// Where the part ends that begins here: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>, in code points
    /// instead of UTF-16 units.
    /// </summary>
    private static int EndOfPart(ReadOnlySpan<char> text, int start)
    {
        foreach (var contraction in s_contractions)
        {
            if (text[start..].StartsWith(contraction, StringComparison.Ordinal)) return start + contraction.Length;
        }

        var kind = KindAt(text, start, out var units);
        var end = start + units;
        if (text[start] == ' ' && end < text.Length && KindAt(text, end, out units) is not Kind.Space and var behind)
        {
            kind = behind;
            end += units;
        }

        while (end < text.Length && KindAt(text, end, out units) == kind) end += units;
        // The last white space before a word is the word's.
        return kind == Kind.Space && end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int at, out int units)
    {
        Rune.DecodeFromUtf16(text[at..], out var rune, out units);
        if (Rune.IsWhiteSpace(rune)) return Kind.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }

    // The library would write an unpaired surrogate as three bytes that are no UTF-8.
    private static string WithoutUnpaired(ReadOnlySpan<char> part) => string.Create(part.Length, part, static (target, source) =>
    {
        for (var i = 0; i < source.Length;)
        {
            var whole = Rune.DecodeFromUtf16(source[i..], out var rune, out var units) == OperationStatus.Done;
            if (whole) rune.EncodeToUtf16(target[i..]);
            else target[i] = '\uFFFD';
            i += units;
        }
    });
}
