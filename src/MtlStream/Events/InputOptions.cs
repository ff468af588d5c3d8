using System.ComponentModel.DataAnnotations;

namespace MtlStream.Events;

/// <summary>How payloads are read.</summary>
public enum InputFormat
{
    /// <summary>CloudEvents when headers or content type say so, else JSON.</summary>
    Auto,
    Json,
    Text,
    CloudEvents,
}

/// <summary>What comes in. Section <c>Input</c>.</summary>
public sealed record InputOptions : IValidatableObject
{
    public InputFormat Format { get; init; }

    /// <summary>JSON pointer (RFC 6901) to the text; for CloudEvents relative to <c>data</c>.</summary>
    public string TextPointer { get; init; } = "/text";

    /// <summary>Longest payload that is decoded; longer ones are rejected.</summary>
    [Range(1, 256 << 20)]
    public int MaxPayloadBytes { get; init; } = 16 << 20;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (PointerProblem(TextPointer, out _) is { } problem) yield return new($"{problem}.", [nameof(TextPointer)]);
    }

    internal static string? PointerProblem(string text, out JsonPointer? pointer)
    {
        if (!JsonPointer.TryParse(text, out pointer, out var problem)) return problem;
        return pointer.Segments[0].Name == "analysis"
            ? $"found \"{text}\", which points into the member \"analysis\" that the result replaces; expected another"
            : null;
    }
}

/// <summary>What goes out. Section <c>Output</c>.</summary>
public sealed record OutputOptions
{
    /// <summary>Text-level tasks also carry every label's probability.</summary>
    public bool AllScores { get; init; }
}
