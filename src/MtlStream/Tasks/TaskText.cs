using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>A text that was scored. A view, owns nothing.</summary>
/// <param name="text">The text in UTF-16 units, as the ranges of its tokens and words count them.</param>
public readonly ref struct TaskText(ReadOnlySpan<char> text, TokenizedText tokens)
{
    public ReadOnlySpan<char> Text { get; } = text;
    public TokenizedText Tokens { get; } = tokens;
}
