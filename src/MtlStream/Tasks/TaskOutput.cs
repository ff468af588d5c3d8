namespace MtlStream.Tasks;

/// <summary>What a tensor's elements are.</summary>
public enum ElementType
{
    /// <summary>float32, finite.</summary>
    Number,

    /// <summary>int32, such as a label's index.</summary>
    Id,
}

/// <summary>One tensor that a task gets from the graph: [sequences, width], row-major.</summary>
/// <remarks>
/// The width is <paramref name="Fixed"/> + <paramref name="PerToken"/> x tokens of the sequence: one for each label, one for
/// each token, the elements of a vector, or the room for a generated text, whose length is limited by its source's.
/// </remarks>
/// <param name="Fixed">Elements that do not depend on the sequence's length.</param>
/// <param name="PerToken">Elements for each token, [CLS] and [SEP] included.</param>
public sealed record TaskOutput(ElementType Type, int Fixed, int PerToken)
{
    /// <summary>Elements for a sequence of <paramref name="length"/> tokens, [CLS] and [SEP] included.</summary>
    public int Width(int length) => Fixed + (PerToken * length);
}
