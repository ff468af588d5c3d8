using System.ComponentModel.DataAnnotations;

namespace MtlStream.Models;

/// <summary>What every text is asked. Section <c>Questions</c>.</summary>
public sealed record QuestionOptions : IValidatableObject
{
    /// <summary>
    /// A question that every text is asked, and its name in results. Each costs one more <see href="model.md#questions">pass</see> of the
    /// encoder for an event.
    /// </summary>
    public IReadOnlyDictionary<string, string> Named { get; init; } = new Dictionary<string, string>();

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, question) in Named)
        {
            if (string.IsNullOrWhiteSpace(question)) yield return new($"Questions:{name}: found no text, expected a question.");
        }
    }
}
