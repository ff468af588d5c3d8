using System.ComponentModel.DataAnnotations;

namespace MtlStream;

/// <summary>Workers of the stages around the model. Section <c>Pipeline</c>.</summary>
public sealed record PipelineOptions
{
    /// <summary>Workers that decode and tokenize. Zero: one per two cores.</summary>
    [Range(0, 256)]
    public int DecodeWorkers { get; init; }

    /// <summary>Workers that turn predictions into messages. Zero: one per four cores.</summary>
    [Range(0, 256)]
    public int EncodeWorkers { get; init; }
}
