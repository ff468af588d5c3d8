using Microsoft.ML.Tokenizers;

namespace MtlStream.Text;

/// <summary>SentencePiece and byte-level BPE, by <c>Microsoft.ML.Tokenizers</c> 2.0. Compiled only where that package restores.</summary>
/// <remarks>
/// Not exercised by CI. Source of the API: learn.microsoft.com/dotnet/api/microsoft.ml.tokenizers. Unlike WordPiece it
/// allocates a list of tokens per call. Where the model's normalizer changes the length of the text, the tokens cannot
/// be placed: each then has the range of the whole text given, which with <c>tokenizer.words</c> is its word.
/// </remarks>
internal sealed class MLTokenizers : SubwordTokenizer
{
    private readonly Tokenizer _tokenizer;
    private readonly Dictionary<int, string> _tokens;

    private MLTokenizers(Tokenizer tokenizer, IReadOnlyDictionary<string, int> vocabulary, string path)
    {
        _tokenizer = tokenizer;
        _tokens = vocabulary.ToDictionary(entry => entry.Value, entry => entry.Key);
        ClsId = Require("<s>", "[CLS]");
        SepId = Require("</s>", "[SEP]");

        int Require(string token, string other) =>
            vocabulary.TryGetValue(token, out var id) || vocabulary.TryGetValue(other, out id)
                ? id
                : throw new InvalidDataException($"{path}: neither {token} nor {other} among {vocabulary.Count} tokens.");
    }

    public static IReadOnlyList<string> Kinds { get; } = ["sentencepiece", "bpe"];

    public override int ClsId { get; }

    public override int SepId { get; }

    /// <summary>Reads the model that the manifest names: role <c>model</c>, or <c>vocab</c> and <c>merges</c>.</summary>
    /// <exception cref="InvalidDataException">A file is not named or is not there, or the manifest asks for letter cases.</exception>
    public static MLTokenizers Load(TokenizerSettings settings)
    {
        if (settings.CaseIds)
            throw new InvalidDataException($"A {settings.Kind} tokenizer gives no letter cases; caseIds has to be false.");
        if (settings.Kind == "sentencepiece")
        {
            var path = Require(settings, "model");
            using var stream = File.OpenRead(path);
            var pieces = SentencePieceTokenizer.Create(stream, false, false);
            return new MLTokenizers(pieces, pieces.Vocabulary, path);
        }
        var vocabulary = Require(settings, "vocab");
        var options = new BpeOptions(vocabulary, Require(settings, "merges"))
        {
            ByteLevel = true,
            PreTokenizer = RobertaPreTokenizer.Instance,
            UnknownToken = "<unk>",
        };
        var tokenizer = BpeTokenizer.Create(options);
        return new MLTokenizers(tokenizer, tokenizer.Vocabulary, vocabulary);
    }

    public override string TokenText(int id) => _tokens[id];

    public override bool Encode(ReadOnlySpan<char> text, int offset, bool addWords, int limit, TokenizedText target)
    {
        var encoded = _tokenizer.EncodeToTokens(text, out var normalized);
        var length = normalized?.Length ?? text.Length;
        // SentencePiece writes each space as U+2581, one for one, and puts one in front of the text.
        var shift = length == text.Length + 1 && normalized![0] == '\u2581' ? 1 : 0;
        var placed = length - shift == text.Length;
        foreach (var token in encoded)
        {
            var (at, units) = token.Offset.GetOffsetAndLength(length);
            var start = placed ? Math.Max(0, at - shift) : 0;
            var end = placed ? Math.Max(start, at + units - shift) : text.Length;
            while (start < end && char.IsWhiteSpace(text[start])) start++;
            var begins = addWords && (start == 0 || char.IsWhiteSpace(text[start - 1]));
            if (target.Tokens.Length == limit)
            {
                var cut = addWords && !begins && target.Words.Length > 1; // between words
                if (cut) target.CutTo(target.Words[^1].FirstToken);
                return false;
            }

            target.Reserve(1)[0] = new Token(token.Id, offset + start, offset + end, 0, begins);
            var index = target.Commit(1);
            if (begins) target.Add(new Word(offset + start, offset + WordEnd(text, start), index));
        }
        return true;
    }

    private static int WordEnd(ReadOnlySpan<char> text, int start)
    {
        while (start < text.Length && !char.IsWhiteSpace(text[start])) start++;
        return start;
    }

    private static string Require(TokenizerSettings settings, string role) =>
        settings.Files.TryGetValue(role, out var path) && File.Exists(path)
            ? path
            : throw new InvalidDataException($"A {settings.Kind} tokenizer needs the file role {role}; {(path is null ? "the manifest names none" : $"{path} is not there")}.");
}
