using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

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
public sealed record InputOptions
{
    public InputFormat Format { get; init; }

    /// <summary>JSON pointer (RFC 6901) to the text; for CloudEvents relative to <c>data</c>.</summary>
    [RegularExpression("^(/[^/]*)*$", ErrorMessage = "TextPointer must be a JSON pointer such as /text or /message/body.")]
    public string TextPointer { get; init; } = "/text";

    /// <summary>Longest payload that is decoded; longer ones are rejected.</summary>
    [Range(1, 256 << 20)]
    public int MaxPayloadBytes { get; init; } = 16 << 20;
}

/// <summary>What goes out. Section <c>Output</c>.</summary>
public sealed record OutputOptions
{
    /// <summary>Text-level tasks also carry every label's probability.</summary>
    public bool AllScores { get; init; }
}

[OptionsValidator]
public sealed partial class InputOptionsValidator : IValidateOptions<InputOptions>;
