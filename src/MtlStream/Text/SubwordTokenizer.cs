namespace MtlStream.Text;

/// <summary>Turns a text, or a word of it, into the tokens of one model's vocabulary. Immutable and thread-safe.</summary>
internal abstract class SubwordTokenizer
{
    public abstract int ClsId { get; }

    public abstract int SepId { get; }

    /// <summary>Token of what the vocabulary does not know; -1 when nothing is unknown to it.</summary>
    public virtual int UnknownId => -1;

    public abstract string TokenText(int id);

    /// <summary>Appends the tokens of <paramref name="text"/>; false when not all of them found room.</summary>
    /// <param name="offset">Where <paramref name="text"/> begins in the original text, UTF-16 units.</param>
    /// <param name="addWords">Append the words that the tokenizer itself sees, too, and mark the first token of each.</param>
    /// <param name="limit">Most tokens that <paramref name="target"/> may hold.</param>
    public abstract bool Encode(ReadOnlySpan<char> text, int offset, bool addWords, int limit, TokenizedText target);
}
