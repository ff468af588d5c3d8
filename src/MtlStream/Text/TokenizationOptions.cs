using System.ComponentModel.DataAnnotations;

namespace MtlStream.Text;

/// <summary>How much of a text is analysed. Section <c>Tokenization</c>.</summary>
public sealed record TokenizationOptions
{
    /// <summary>Most tokens of one text that are analysed; what comes after is left out and the result is flagged.</summary>
    [Range(16, 1 << 20)]
    public int MaxTextTokens { get; init; } = 4096;
}
