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

    /// <summary>Most bytes of payloads that came compressed and are unpacked and not answered. One larger event may be alone.</summary>
    [Range(1 << 20, 1L << 36)]
    public long MaxUnpackedBytes { get; init; } = 16L << 20;
}
