using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace MtlStream.Inference;

/// <summary>Which model serves, and where. Section <c>Model</c>.</summary>
public sealed record ModelOptions
{
    /// <summary>Folder of the model package. Empty: the package that comes with the program.</summary>
    public string Path { get; init; } = "";

    /// <summary><c>auto</c> takes a GPU when there is one; <c>cuda</c> and <c>tensorrt</c> fail at start without.</summary>
    [RegularExpression("auto|cpu|cuda|tensorrt")]
    public string Device { get; init; } = "auto";

    /// <summary>Tasks to serve, comma-separated; empty for all of them.</summary>
    public string Tasks { get; init; } = "";

    /// <summary>Scoring lanes: on a CPU, single-threaded sessions. Zero: one per core.</summary>
    [Range(0, 256)]
    public int Lanes { get; init; }
}

[OptionsValidator]
public sealed partial class ModelOptionsValidator : IValidateOptions<ModelOptions>;
