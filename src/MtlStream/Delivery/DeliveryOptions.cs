using System.ComponentModel.DataAnnotations;

namespace MtlStream.Delivery;

/// <summary>What is promised when something fails.</summary>
public enum DeliveryGuarantee
{
    AtLeastOnce,
    ExactlyOnce,
}

/// <summary>How results leave. Section <c>Delivery</c>.</summary>
public sealed record DeliveryOptions : IValidatableObject
{
    /// <summary>What is promised when something fails: <see href="guarantees.md">the guarantees</see>.</summary>
    public DeliveryGuarantee Guarantee { get; init; }

    /// <summary>Id of the transactional producer. Empty: made of group, host and a part that is random at every start.</summary>
    public string TransactionalId { get; init; } = "";

    /// <summary>How long a stop may take before work in flight is given up, to be delivered again. The process allows 10 seconds more.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Everything of one partition leaves in source order; the dead letter of a result that its topic refuses comes later. Exactly once
    /// needs it.
    /// </summary>
    public bool KeepPartitionOrder { get; init; } = true;

    /// <summary>How often offsets, or the open transaction, are committed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Most events in one transaction.</summary>
    [Range(1, 1_000_000)]
    public int MaxTransactionEvents { get; init; } = 20_000;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Guarantee == DeliveryGuarantee.ExactlyOnce && !KeepPartitionOrder)
            yield return new($"{nameof(KeepPartitionOrder)} is false, but {nameof(Guarantee)} {Guarantee} needs results in partition order: set it to true.");
    }
}
