using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Generation;

/// <summary>How the encoder of a model that writes texts reads one. Thread-safe.</summary>
internal interface ISourceTokens
{
    /// <param name="most">Most tokens.</param>
    /// <param name="cut">Whether the text has more.</param>
    int[] Encode(ReadOnlySpan<char> text, int most, out bool cut);
}

/// <summary>Pieces of a tokenizer of the model's own.</summary>
/// <param name="ids">By piece, where they are not those of the tokenizer's file.</param>
internal sealed class PieceTokens(SubwordTokenizer pieces, IReadOnlyDictionary<string, int>? ids, GeneratorTokens settings) : ISourceTokens
{
    public int[] Encode(ReadOnlySpan<char> text, int most, out bool cut)
    {
        using var tokens = new TokenizedText([], [], [], -1, -1);
        cut = !pieces.Encode(text, 0, addWords: false, most, tokens);
        var found = new int[tokens.Tokens.Length];
        for (var i = 0; i < found.Length; i++) found[i] = IdOf(tokens.Tokens[i].Id);
        return found;
    }

    private int IdOf(int piece) => ids is null ? piece : ids.GetValueOrDefault(pieces.TokenText(piece), settings.Unknown);
}

/// <summary>Tokens of the model package that lies in the same folder, each with its letter case: 4 x token + case, [CLS] and [SEP] included.</summary>
internal sealed class PackageTokens : ISourceTokens
{
    private const int Cases = 4;

    private readonly TextTokenizer _tokenizer;

    private PackageTokens(TextTokenizer tokenizer) => _tokenizer = tokenizer;

    /// <exception cref="InvalidDataException">There is no package in the folder.</exception>
    public static PackageTokens Load(string folder) => new(TextTokenizer.Load(ModelManifest.Load(folder).Tokenizer, new()));

    public int[] Encode(ReadOnlySpan<char> text, int most, out bool cut)
    {
        using var tokens = _tokenizer.Tokenize(text);
        var (start, length) = tokens.Windows[0];
        length = Math.Min(length, Math.Max(0, most - 2));
        cut = tokens.Truncated || length < tokens.Tokens.Length;
        using var read = TokenizedText.Of(tokens.Tokens.Slice(start, length), tokens);
        var ids = new long[length + 2];
        var cases = new long[length + 2];
        read.WriteSequence(0, ids, cases);
        return [.. ids.Zip(cases, (id, letters) => (int)((Cases * id) + letters))];
    }
}
