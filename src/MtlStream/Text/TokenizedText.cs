using System.Diagnostics;

namespace MtlStream.Text;

/// <summary>A run of tokens that the model sees at once, without [CLS] and [SEP].</summary>
/// <param name="Start">Index of the first token.</param>
/// <param name="Length">Number of tokens; at most the model's maximum less two.</param>
public readonly record struct TokenWindow(int Start, int Length);

/// <summary>One token. Offsets are UTF-16 units of the original text, [Start, End).</summary>
/// <param name="Case">Letter case of the token's word: 0 none, 1 First, 2 ALL, 3 mIxed; 4 more in a question.</param>
/// <param name="BeginsWord">True for the first token of a word: the one whose tag stands for the word.</param>
public readonly record struct Token(int Id, int Start, int End, byte Case, bool BeginsWord);

/// <summary>A word of the text, [Start, End) in UTF-16 units, and its first token.</summary>
/// <param name="FirstToken">Index of the token; -1 only for a given word without one (<see cref="TextTokenizer.TokenizeWords"/>).</param>
public readonly record struct Word(int Start, int End, int FirstToken);

/// <summary>A text as the model sees it. Owns its buffers. Empty text has no tokens and one empty window.</summary>
/// <remarks>
/// The tokenizer takes these objects back on <see cref="Dispose"/> and fills them again: whoever disposes one, once,
/// must not look at it afterwards.
/// </remarks>
public sealed class TokenizedText : IDisposable
{
    private const byte QuestionCase = 4;

    private readonly TokenizedTextPool? _pool;
    private readonly int _clsId, _sepId;
    private Token[] _tokens;
    private Word[] _words;
    private TokenWindow[] _windows;
    private int _tokenCount, _wordCount, _windowCount;
    private int _disposed;

    /// <summary>A text in buffers of its own, which it takes over.</summary>
    public TokenizedText(Token[] tokens, Word[] words, TokenWindow[] windows, int clsId, int sepId, bool truncated = false)
    {
        (_tokens, _words, _windows) = (tokens, words, windows);
        (_tokenCount, _wordCount, _windowCount) = (tokens.Length, words.Length, windows.Length);
        (_clsId, _sepId, Truncated) = (clsId, sepId, truncated);
    }

    internal TokenizedText(TokenizedTextPool pool, int clsId, int sepId)
    {
        (_pool, _clsId, _sepId) = (pool, clsId, sepId);
        (_tokens, _words, _windows) = (new Token[64], new Word[32], new TokenWindow[1]);
    }

    /// <summary>Tokens that nobody has to find in a text, in one window and without words. The caller owns it.</summary>
    public static TokenizedText Of(ReadOnlySpan<Token> tokens, int clsId, int sepId) =>
        new(tokens.ToArray(), [], [new(0, tokens.Length)], clsId, sepId);

    /// <summary>Some tokens of a text, in one window and without words. The caller owns it.</summary>
    internal static TokenizedText Of(ReadOnlySpan<Token> tokens, TokenizedText text) => Of(tokens, text._clsId, text._sepId);

    /// <summary>All tokens kept, in text order, without [CLS] and [SEP].</summary>
    public ReadOnlySpan<Token> Tokens => _tokens.AsSpan(0, _tokenCount);

    /// <summary>The words of the kept tokens, in text order.</summary>
    public ReadOnlySpan<Word> Words => _words.AsSpan(0, _wordCount);

    /// <summary>One window, or several that overlap when the text is longer than the model.</summary>
    public ReadOnlySpan<TokenWindow> Windows => _windows.AsSpan(0, _windowCount);

    /// <summary>True when the text has no token: white space, control characters, marks and the like.</summary>
    public bool IsEmpty => _tokenCount == 0;

    /// <summary>True when tokens beyond <c>Tokenization:MaxTextTokens</c> were left out.</summary>
    public bool Truncated { get; private set; }

    internal long BufferBytes => (16L * _tokens.Length) + (12L * _words.Length) + (8L * _windows.Length);

    /// <summary>What the text is asked by the event that it is from, without special tokens; none where it asks nothing.</summary>
    public IReadOnlyList<Token> Question { get; internal set; } = [];

    /// <summary>A question before a part of this text, as one sequence: question, [SEP], part. The caller owns it.</summary>
    /// <param name="length">Tokens of the question that are read.</param>
    /// <remarks>The question's tokens and its [SEP] have 4 added to their letter case: their segment.</remarks>
    public TokenizedText After(IReadOnlyList<Token> question, int length, int start, int count)
    {
        var tokens = new Token[length + 1 + count];
        for (var i = 0; i < length; i++) tokens[i] = question[i] with { Case = (byte)(question[i].Case | QuestionCase) };
        tokens[length] = new(_sepId, 0, 0, QuestionCase, false);
        Tokens.Slice(start, count).CopyTo(tokens.AsSpan(length + 1));
        return new(tokens, [], [new(0, tokens.Length)], _clsId, _sepId);
    }

    /// <summary>Tokens that a window has in the model's input: its own, [CLS] and [SEP].</summary>
    public int SequenceLength(int window) => Windows[window].Length + 2;

    /// <summary>Writes one sequence of the model's input, [CLS] and [SEP] included; the rest of the spans is left alone.</summary>
    /// <param name="cases">Letter case of each token's word, or empty when the model does not ask for it.</param>
    public void WriteSequence(int window, Span<long> ids, Span<long> cases)
    {
        var (start, length) = Windows[window];
        var sequence = Tokens.Slice(start, length);
        ids[0] = _clsId;
        for (var i = 0; i < sequence.Length; i++) ids[i + 1] = sequence[i].Id;
        ids[length + 1] = _sepId;
        if (cases.IsEmpty) return;
        cases[0] = 0;
        for (var i = 0; i < sequence.Length; i++) cases[i + 1] = sequence[i].Case;
        cases[length + 1] = 0;
    }

    /// <summary>The same text in buffers of its own. The caller owns it.</summary>
    public TokenizedText Copy() => new(Tokens.ToArray(), Words.ToArray(), Windows.ToArray(), _clsId, _sepId, Truncated);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _pool?.TakeBack(this);
        else Debug.Assert(_pool is null, "disposed twice; another owner may have it by now");
    }

    /// <summary>Makes it empty, for its next owner.</summary>
    internal void Reset()
    {
        _tokenCount = _wordCount = _windowCount = 0;
        Truncated = false;
        Question = [];
        _disposed = 0;
    }

    /// <summary>Room for so many tokens behind those there are; they count from <see cref="Commit"/> on.</summary>
    internal Span<Token> Reserve(int count)
    {
        if (_tokens.Length - _tokenCount < count) Array.Resize(ref _tokens, Math.Max(_tokens.Length * 2, _tokenCount + count));
        return _tokens.AsSpan(_tokenCount, count);
    }

    /// <summary>Appends the first tokens of the room reserved; gives the index of the first.</summary>
    internal int Commit(int count)
    {
        var first = _tokenCount;
        _tokenCount += count;
        return first;
    }

    /// <summary>Takes off the tokens from <paramref name="count"/> on, and the words that begin with them.</summary>
    internal void CutTo(int count)
    {
        _tokenCount = count;
        while (_wordCount > 0 && _words[_wordCount - 1].FirstToken >= count) _wordCount--;
    }

    internal void Add(Word word)
    {
        if (_wordCount == _words.Length) Array.Resize(ref _words, _words.Length * 2);
        _words[_wordCount++] = word;
    }

    internal void Add(TokenWindow window)
    {
        if (_windowCount == _windows.Length) Array.Resize(ref _windows, _windows.Length * 2);
        _windows[_windowCount++] = window;
    }

    /// <summary>Gives the tokens from <paramref name="first"/> on the ranges of the original text.</summary>
    /// <param name="offset">What is added to each place.</param>
    internal void PlaceTokens(ReadableText read, int first = 0, int offset = 0)
    {
        foreach (ref var token in _tokens.AsSpan(first, _tokenCount - first))
        {
            var (start, end) = read.Original(token.Start, token.End);
            token = token with { Start = offset + start, End = offset + end };
        }
    }

    /// <summary>Gives the words the ranges of the original text.</summary>
    internal void PlaceWords(ReadableText read)
    {
        foreach (ref var word in _words.AsSpan(0, _wordCount))
        {
            var (start, end) = read.Original(word.Start, word.End);
            word = word with { Start = start, End = end };
        }
    }

    internal void MarkTruncated() => Truncated = true;

    internal void BeginWordAt(int token) => _tokens[token] = _tokens[token] with { BeginsWord = true };
}
