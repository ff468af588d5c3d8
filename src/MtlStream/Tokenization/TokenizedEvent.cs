using MtlStream.Events;
using MtlStream.Inference;

namespace MtlStream.Tokenization;

/// <summary>An event ready for the model. Owns the event and its tokens.</summary>
public sealed class TokenizedEvent(TextEvent decoded, TokenizedText tokens, WindowMerge? merge = null) : IDisposable
{
    public TextEvent Event { get; } = decoded;
    public TokenizedText Tokens { get; } = tokens;

    /// <summary>Collects the windows of a long text; null when there is only one.</summary>
    public WindowMerge? Merge { get; } = merge;

    public void Dispose()
    {
        Event.Dispose();
        Tokens.Dispose();
        Merge?.Dispose();
    }
}
