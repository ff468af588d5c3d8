namespace MtlStream.Tokenization;

/// <summary>What a tokenizer needs to know of the model it serves.</summary>
/// <param name="Kind">Kind named by the manifest; <c>wordpiece</c> is built in.</param>
/// <param name="Files">Paths by role: <c>vocab</c> (vocab.txt) or <c>tokenizer</c> (tokenizer.json).</param>
/// <param name="SplitWords">Split the text into words first, and tokenize each by itself.</param>
/// <param name="MaxTokens">Columns of the model, [CLS] and [SEP] included.</param>
/// <param name="WindowOverlap">Tokens that neighbouring windows of a long text share.</param>
public sealed record TokenizerSettings(
    string Kind, IReadOnlyDictionary<string, string> Files, bool Lowercase, bool StripAccents, bool CaseIds, bool SplitWords,
    int MaxTokens, int WindowOverlap);

/// <summary>Turns a text into tokens, words and windows. Thread-safe.</summary>
public sealed class TextTokenizer
{
    /// <exception cref="InvalidDataException">The tokenizer kind is not supported, or its files are not what they should be.</exception>
    public static TextTokenizer Load(TokenizerSettings settings, TokenizationOptions options) => throw new NotImplementedException();

    /// <summary>Tokenizes one text. The caller owns the result.</summary>
    public TokenizedText Tokenize(ReadOnlySpan<char> text) => throw new NotImplementedException();
}
