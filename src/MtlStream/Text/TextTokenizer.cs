namespace MtlStream.Text;

/// <summary>What a tokenizer needs to know of the model it serves.</summary>
/// <param name="Kind">Kind named by the manifest, one of <see cref="TextTokenizer.Kinds"/>.</param>
/// <param name="Files">
/// Paths by role. <c>wordpiece</c>: <c>vocab</c> (vocab.txt) or <c>tokenizer</c> (tokenizer.json); <c>sentencepiece</c>: <c>model</c>;
/// <c>bpe</c>: <c>vocab</c> (vocab.json) and <c>merges</c> (merges.txt).
/// </param>
/// <param name="SplitWords">Split the text into words first, and tokenize each by itself.</param>
/// <param name="MaxTokens">Most tokens of a sequence, [CLS] and [SEP] included.</param>
/// <param name="WindowOverlap">Tokens that neighbouring windows of a long text share, at least.</param>
public sealed record TokenizerSettings(
    string Kind, IReadOnlyDictionary<string, string> Files, bool Lowercase, bool StripAccents, bool CaseIds, bool SplitWords,
    int MaxTokens, int WindowOverlap)
{
    /// <summary>Read full-width, mathematical, circled and similar letters and marks as the plain ones.</summary>
    public bool FoldLetters { get; init; }

    /// <summary>Read a variant of an emoji that the vocabulary lacks as that emoji: without skin tone, and of joined ones the first.</summary>
    public bool EmojiVariants { get; init; }

    /// <summary>The path of a role that has to be there.</summary>
    /// <exception cref="InvalidDataException">The manifest does not name it, or the file is not there.</exception>
    internal string FileOf(string role)
    {
        if (!Files.TryGetValue(role, out var path)) throw new InvalidDataException($"A {Kind} tokenizer needs the file role {role}; the manifest names none.");
        return File.Exists(path) ? path : throw new InvalidDataException($"A {Kind} tokenizer needs the file role {role}; {path} is not there.");
    }
}

/// <summary>Turns a text into tokens, words and windows. Thread-safe; allocates nothing in the long run.</summary>
/// <remarks>
/// A text of more tokens than the model has columns becomes overlapping windows, each starting at a word where one
/// starts nearby. They are merged after scoring (<c>Models/WindowMerge.cs</c>): a token's labels come from the window in
/// which it is farthest from an end that is not the text's own; a text-level score is the mean of the windows' scores, weighted by their tokens.
/// </remarks>
public sealed class TextTokenizer
{
    private const long IdleBytes = 16 << 20;

    private readonly SubwordTokenizer _subwords;
    private readonly TokenizedTextPool _pool;
    private readonly bool _splitWords, _foldLetters;
    private readonly int _maxTextTokens, _windowTokens, _overlap;

    private TextTokenizer(SubwordTokenizer subwords, TokenizerSettings settings, TokenizationOptions options)
    {
        if (settings.MaxTokens < 4)
            throw new InvalidDataException($"The model takes {settings.MaxTokens} tokens; at least 4 are needed, [CLS] and [SEP] included.");
        _windowTokens = settings.MaxTokens - 2;
        if (settings.WindowOverlap < 0 || settings.WindowOverlap > _windowTokens / 2)
        {
            throw new InvalidDataException(
                $"Window overlap is {settings.WindowOverlap}; expected 0 to {_windowTokens / 2}, half of what fits between [CLS] and [SEP].");
        }
        _subwords = subwords;
        _splitWords = settings.SplitWords;
        _foldLetters = settings.FoldLetters;
        _overlap = settings.WindowOverlap;
        _maxTextTokens = options.MaxTextTokens;
        _pool = new TokenizedTextPool(subwords.ClsId, subwords.SepId, IdleBytes);
    }

    /// <summary>The kinds that this build supports.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["wordpiece", "sentencepiece", "bpe"];

    /// <exception cref="InvalidDataException">The tokenizer kind is not supported, or its files are not what they should be.</exception>
    /// <exception cref="PlatformNotSupportedException">The runtime's Unicode normalization is switched off.</exception>
    public static TextTokenizer Load(TokenizerSettings settings, TokenizationOptions options)
    {
        if (settings.CaseIds && settings.Kind is ("sentencepiece" or "bpe"))
            throw new InvalidDataException($"A {settings.Kind} tokenizer gives no letter cases; caseIds has to be false.");
        SubwordTokenizer subwords = settings.Kind switch
        {
            "wordpiece" => new WordPieceTokenizer(VocabularyFile.Read(settings), CharacterMap.Of(settings), settings.EmojiVariants),
            "sentencepiece" => UnigramTokenizer.Load(settings),
            "bpe" => ByteLevelBpeTokenizer.Load(settings),
            _ => throw new InvalidDataException($"Tokenizer kind '{settings.Kind}' is not supported; supported: {string.Join(", ", Kinds)}."),
        };
        return new(subwords, settings, options);
    }

    /// <summary>Token of what the vocabulary does not know; -1 when nothing is unknown to it.</summary>
    public int UnknownId => _subwords.UnknownId;

    /// <summary>A token as the vocabulary spells it, <c>##</c> included.</summary>
    public string TokenText(int id) => _subwords.TokenText(id);

    /// <summary>Tokenizes one text. The caller owns the result; <see cref="TokenizedText.IsEmpty"/>: nothing to read.</summary>
    /// <param name="html">Read entities of HTML as the characters that they stand for.</param>
    /// <remarks>
    /// Ranges are those of the text given, whatever its characters are read as. A text over the limit is cut between two
    /// words, or within its first word where that alone is over it.
    /// </remarks>
    public TokenizedText Tokenize(ReadOnlySpan<char> text, bool html = false)
    {
        var tokenized = _pool.Rent();
        using var read = ReadableText.Of(text, _foldLetters, html);
        var units = read is null ? text : read.Units;
        var complete = _splitWords
            ? EncodeWords(units, tokenized)
            : _subwords.Encode(units, 0, addWords: true, _maxTextTokens, tokenized);
        if (!complete) tokenized.MarkTruncated();
        if (read is not null)
        {
            tokenized.PlaceTokens(read);
            tokenized.PlaceWords(read);
        }

        AddWindows(tokenized);
        return tokenized;
    }

    /// <summary>Tokenizes words that are given instead of found, each by itself. The caller owns the result.</summary>
    /// <remarks>
    /// Ranges count in the text that the words make with one space between two. Every word has its entry among the
    /// words of the result; <see cref="Word.FirstToken"/> is -1 where a word has no token, or none that was kept.
    /// </remarks>
    public TokenizedText TokenizeWords(IReadOnlyList<string> words)
    {
        var tokenized = _pool.Rent();
        var start = 0;
        foreach (var word in words)
        {
            var end = start + word.Length;
            var first = tokenized.Tokens.Length;
            if (!tokenized.Truncated) EncodeGiven(word, start, tokenized);
            var found = tokenized.Tokens.Length > first;
            if (found) tokenized.BeginWordAt(first);
            tokenized.Add(new Word(start, end, found ? first : -1));
            start = end + 1;
        }

        AddWindows(tokenized);
        return tokenized;
    }

    private void EncodeGiven(string word, int start, TokenizedText tokenized)
    {
        var first = tokenized.Tokens.Length;
        using var read = ReadableText.Of(word, _foldLetters, html: false);
        var complete = read is null
            ? _subwords.Encode(word, start, addWords: false, _maxTextTokens, tokenized)
            : _subwords.Encode(read.Units, 0, addWords: false, _maxTextTokens, tokenized);
        if (!complete) tokenized.MarkTruncated();
        if (read is not null) tokenized.PlaceTokens(read, first, start);
    }

    private bool EncodeWords(ReadOnlySpan<char> text, TokenizedText tokenized)
    {
        var words = new WordSplitter(text);
        while (words.TryNext(out var start, out var end))
        {
            var first = tokenized.Tokens.Length;
            var complete = _subwords.Encode(text[start..end], start, addWords: false, _maxTextTokens, tokenized);
            if (!complete && first > 0) tokenized.CutTo(first);
            if (tokenized.Tokens.Length > first)
            {
                tokenized.BeginWordAt(first);
                tokenized.Add(new Word(start, complete ? end : tokenized.Tokens[^1].End, first));
            }
            if (!complete) return false;
        }
        return true;
    }

    private void AddWindows(TokenizedText tokenized)
    {
        var tokens = tokenized.Tokens;
        var start = 0;
        while (tokens.Length - start > _windowTokens)
        {
            tokenized.Add(new TokenWindow(start, _windowTokens));
            var step = _windowTokens - _overlap;
            var next = start + step;
            // Back to the start of a word, unless that costs more than a quarter of the progress.
            var earliest = next - (step / 4);
            var word = next;
            while (word > earliest && !tokens[word].BeginsWord) word--;
            start = tokens[word].BeginsWord ? word : next;
        }
        tokenized.Add(new TokenWindow(start, tokens.Length - start));
    }
}
