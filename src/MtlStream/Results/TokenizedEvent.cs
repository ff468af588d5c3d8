using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Results;

/// <summary>An event ready for the model. Owns the event, its tokens, and what is put together of its windows.</summary>
/// <param name="windows">Puts the windows of a long text together; null when there is only one.</param>
public sealed class TokenizedEvent(TextEvent decoded, TokenizedText tokens, WindowMerge? windows = null) : SequenceOwner
{
    public TextEvent Event { get; } = decoded;
    public TokenizedText Tokens { get; } = tokens;
    public WindowMerge? Windows { get; } = windows;

    /// <summary>Texts that models wrote about it; none where none was asked for.</summary>
    public IReadOnlyList<GeneratedText> Generated { get; set; } = [];

    public override void Dispose()
    {
        Event.Dispose();
        Tokens.Dispose();
        Windows?.Dispose();
        base.Dispose();
    }
}
