namespace MtlStream.Generation;

/// <summary>How a model's texts are searched for: what is read of a <c>generation_config.json</c>.</summary>
/// <remarks>Names and meanings: https://huggingface.co/docs/transformers/main_classes/text_generation.</remarks>
public sealed record GenerationRules
{
    /// <summary>The token before the first: <c>decoder_start_token_id</c>.</summary>
    public required int Start { get; init; }

    /// <summary>Tokens that end a text: <c>eos_token_id</c>.</summary>
    public required IReadOnlyList<int> Ends { get; init; }

    /// <summary>What stands where nothing is: <c>pad_token_id</c>.</summary>
    public required int Pad { get; init; }

    /// <summary>Most tokens of a text, the end included, the start left out.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>Least tokens before the end may come.</summary>
    public int MinTokens { get; init; }

    /// <summary>1 for greedy search.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>Exponent of the length that a beam's logarithm of the probability is divided by.</summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>Whether a search ends with as many ended beams as there are beams, whatever the others may reach.</summary>
    public bool EarlyStopping { get; init; }

    /// <summary>No run of so many tokens comes twice; 0: they may.</summary>
    public int NoRepeat { get; init; }

    /// <summary>What the logits of tokens that were there are divided by; 1: nothing.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Tokens that never come: <c>bad_words_ids</c> of one token each.</summary>
    public IReadOnlyList<int> Banned { get; init; } = [];

    /// <summary><c>forced_bos_token_id</c>; null for none.</summary>
    public int? ForcedFirst { get; init; }

    /// <summary><c>forced_eos_token_id</c>: the last token that there is room for; null for none.</summary>
    public int? ForcedLast { get; init; }

    /// <summary>Bans and forces tokens.</summary>
    /// <param name="scores">Logits or their logarithms, of every token.</param>
    /// <param name="before">The tokens so far, the start included.</param>
    /// <param name="limit">Most tokens of this text.</param>
    internal void Apply(Span<float> scores, ReadOnlySpan<int> before, int limit)
    {
        var written = before.Length - 1;
        if (RepetitionPenalty != 1) Penalize(scores, before);
        if (NoRepeat > 0 && before.Length + 1 >= NoRepeat) BanRepeats(scores, before);
        foreach (var token in Banned) Ban(scores, token);
        if (written < MinTokens) foreach (var end in Ends) Ban(scores, end);
        if (written == 0 && ForcedFirst is { } first) Force(scores, first);
        if (written == limit - 1 && ForcedLast is { } last) Force(scores, last);
    }

    private void Penalize(Span<float> scores, ReadOnlySpan<int> before)
    {
        for (var i = 0; i < before.Length; i++)
        {
            if (before[..i].Contains(before[i])) continue; // once for each token
            ref var score = ref scores[before[i]];
            score = score < 0 ? score * RepetitionPenalty : score / RepetitionPenalty;
        }
    }

    private void BanRepeats(Span<float> scores, ReadOnlySpan<int> before)
    {
        var begun = before[(before.Length - (NoRepeat - 1))..];
        for (var start = 0; start + NoRepeat <= before.Length; start++)
        {
            if (before.Slice(start, NoRepeat - 1).SequenceEqual(begun)) Ban(scores, before[start + NoRepeat - 1]);
        }
    }

    private static void Ban(Span<float> scores, int token)
    {
        if ((uint)token < (uint)scores.Length) scores[token] = float.NegativeInfinity;
    }

    private static void Force(Span<float> scores, int token)
    {
        scores.Fill(float.NegativeInfinity);
        scores[token] = 0;
    }
}
