namespace MtlStream.Tests.Text;

/// <summary>A theory over the whole reference; skipped, with a message, where it is not at hand.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ReferenceTheoryAttribute : TheoryAttribute
{
    public ReferenceTheoryAttribute()
    {
        if (TokenizerVectors.Reference is null) Skip = "The whole reference is not at hand (../shared/vectors/wordpiece beside the repository); the committed sample is tested instead.";
    }
}
