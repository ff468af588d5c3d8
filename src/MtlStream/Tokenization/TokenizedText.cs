namespace MtlStream.Tokenization;

/// <summary>A run of tokens that the model sees at once, without [CLS] and [SEP].</summary>
/// <param name="Start">Index of the first token.</param>
/// <param name="Length">Number of tokens; at most the model's maximum less two.</param>
public readonly record struct TokenWindow(int Start, int Length);

/// <summary>One token. Offsets are UTF-16 units of the original text, [Start, End).</summary>
/// <param name="Case">Letter case of the token's word: 0 none, 1 First, 2 ALL, 3 mIxed.</param>
/// <param name="BeginsWord">True for the first token of a word: the one whose tag stands for the word.</param>
public readonly record struct Token(int Id, int Start, int End, byte Case, bool BeginsWord);

/// <summary>A word of the text, [Start, End) in UTF-16 units, and its first token.</summary>
public readonly record struct Word(int Start, int End, int FirstToken);

/// <summary>A text as the model sees it. Owns its buffers. Empty text has no tokens and one empty window.</summary>
public sealed class TokenizedText(
    PooledArray<Token> tokens, PooledArray<Word> words, PooledArray<TokenWindow> windows, int clsId, int sepId, bool truncated) : IDisposable
{
    /// <summary>All tokens kept, in text order, without [CLS] and [SEP].</summary>
    public ReadOnlySpan<Token> Tokens => tokens.Span;

    /// <summary>The words of the kept tokens, in text order.</summary>
    public ReadOnlySpan<Word> Words => words.Span;

    /// <summary>One window, or several that overlap when the text is longer than the model.</summary>
    public ReadOnlySpan<TokenWindow> Windows => windows.Span;

    /// <summary>True when tokens beyond <c>Tokenization:MaxTextTokens</c> were left out.</summary>
    public bool Truncated { get; } = truncated;

    /// <summary>Columns that a window needs in the model's input: its tokens, [CLS] and [SEP].</summary>
    public int RowLength(int window) => windows.Span[window].Length + 2;

    /// <summary>Writes one row of the model's input, [CLS] and [SEP] included; the rest of the spans is left alone.</summary>
    /// <param name="types">Letter-case ids, or empty when the model does not ask for them.</param>
    public void WriteRow(int window, Span<long> ids, Span<long> types)
    {
        var (start, length) = windows.Span[window];
        var row = tokens.Span.Slice(start, length);
        ids[0] = clsId;
        for (var i = 0; i < row.Length; i++) ids[i + 1] = row[i].Id;
        ids[length + 1] = sepId;
        if (types.IsEmpty) return;
        types[0] = 0;
        for (var i = 0; i < row.Length; i++) types[i + 1] = row[i].Case;
        types[length + 1] = 0;
    }

    /// <summary>The same text in buffers of its own. The caller owns it.</summary>
    public TokenizedText Copy() =>
        new(Copy(tokens), Copy(words), Copy(windows), clsId, sepId, Truncated);

    private static PooledArray<T> Copy<T>(PooledArray<T> from)
    {
        var copy = new PooledArray<T>(from.Length);
        from.Span.CopyTo(copy.Span);
        return copy;
    }

    public void Dispose()
    {
        tokens.Dispose();
        words.Dispose();
        windows.Dispose();
    }
}
