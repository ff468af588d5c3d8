using System.ComponentModel.DataAnnotations;

namespace MtlStream.Batching;

/// <summary>When a batch is full. Section <c>Batching</c>. Sizes left at zero are the model adapter's choice.</summary>
public sealed record BatchingOptions : IValidatableObject
{
    /// <summary>Most sequences in one batch. Zero: what suits the device.</summary>
    [Range(0, 4096)]
    public int MaxRows { get; init; }

    /// <summary>Most padded tokens in one batch: sequences x padded length. Bounds device memory. Zero: what suits the device.</summary>
    [Range(0, 1 << 20)]
    public int MaxPaddedTokens { get; init; }

    /// <summary>Sequences that wait to be put together by length; no fewer than make a batch. Zero: four batches, and 256 at least.</summary>
    [Range(0, 1 << 16)]
    public int LookAhead { get; init; }

    /// <summary>How long the oldest event may wait for company on a device that gains from it. Zero sends whatever is ready.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01")]
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(5);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (MaxRows > 0 && MaxPaddedTokens > 0 && MaxPaddedTokens < MaxRows)
            yield return new($"{nameof(MaxPaddedTokens)} ({MaxPaddedTokens}) is below {nameof(MaxRows)} ({MaxRows}).");
    }

    /// <summary>The device's shape with what is set here in its place.</summary>
    public BatchShape Over(BatchShape shape) => shape with
    {
        MaxSequences = MaxRows > 0 ? MaxRows : shape.MaxSequences,
        MaxPaddedTokens = MaxPaddedTokens > 0 ? MaxPaddedTokens : shape.MaxPaddedTokens,
    };
}
