using System.Numerics;
using MtlStream.Text;

namespace MtlStream.Batching;

/// <summary>One sequence of the model's input: a window of a text, between [CLS] and [SEP].</summary>
/// <param name="Tokens">The whole text. Owned by whoever made it.</param>
/// <param name="Owner">Whom the text belongs to; null when nobody asks for its answer later.</param>
public readonly record struct TokenSequence(TokenizedText Tokens, int Window, SequenceOwner? Owner = null)
{
    /// <summary>Tokens of the sequence, [CLS] and [SEP] included.</summary>
    public int Length => Tokens.SequenceLength(Window);

    /// <summary>The window's tokens, without [CLS] and [SEP].</summary>
    public ReadOnlySpan<Token> Inner
    {
        get
        {
            var window = Tokens.Windows[Window];
            return Tokens.Tokens.Slice(window.Start, window.Length);
        }
    }

    /// <summary>A hash of all that the model is given of it.</summary>
    public ulong ContentHash
    {
        get
        {
            var inner = Inner;
            var hash = (ulong)inner.Length;
            foreach (var token in inner)
                hash = BitOperations.RotateLeft((hash ^ Packed(token)) * 0x9E37_79B9_7F4A_7C15, 29);
            return hash;
        }
    }

    /// <summary>True when the model is given the same of both.</summary>
    public bool HasSameContent(TokenSequence other) => HasContent(other.Inner, Inner);

    private static bool HasContent(ReadOnlySpan<Token> left, ReadOnlySpan<Token> right)
    {
        if (left.Length != right.Length) return false;
        for (var i = 0; i < left.Length; i++)
        {
            if (Packed(left[i]) != Packed(right[i])) return false;
        }

        return true;
    }

    private static uint Packed(Token token) => ((uint)token.Id << 3) | token.Case;
}

/// <summary>Whom sequences belong to. Opaque to the model, which may leave something with it until it is disposed. Thread-safe.</summary>
public abstract class SequenceOwner : IDisposable
{
    private IDisposable? _kept;

    /// <summary>What was left; null when nothing was.</summary>
    public IDisposable? Kept => Volatile.Read(ref _kept);

    /// <summary>Leaves something, to be disposed with the owner, unless another caller was first.</summary>
    /// <returns>What is kept: <paramref name="value"/>, or what the first caller left; then the caller keeps its own.</returns>
    public IDisposable Keep(IDisposable value) => Interlocked.CompareExchange(ref _kept, value, null) ?? value;

    public virtual void Dispose()
    {
        _kept?.Dispose();
        GC.SuppressFinalize(this);
    }
}
