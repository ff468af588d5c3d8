using System.ComponentModel.DataAnnotations;

namespace MtlStream.Monitoring;

/// <summary>How closely the model is watched. Section <c>Watch</c>.</summary>
public sealed record WatchOptions : IValidatableObject
{
    /// <summary>
    /// Share of the events that are watched, evenly spread. Zero switches the watch off, and with it <c>Watch:Review</c> and
    /// <c>Watch:SaveReference</c>.
    /// </summary>
    [Range(0d, 1d)]
    public double Share { get; init; } = 1;

    /// <summary>Confidence below which an event counts as uncertain in <c>mtlstream.task.low_confidence</c>.</summary>
    [Range(0d, 1d)]
    public double LowConfidence { get; init; } = 0.5;

    /// <summary>Limits of <c>Watch:LowConfidence</c> that differ, by task.</summary>
    public IReadOnlyDictionary<string, double> LowConfidenceOf { get; init; } = new Dictionary<string, double>();

    /// <summary>Confidence, by task, below which a copy of the result goes to the review topic. Empty: none does.</summary>
    public IReadOnlyDictionary<string, double> Review { get; init; } = new Dictionary<string, double>();

    /// <summary>Share of the events below a limit of <c>Watch:Review</c> that are copied.</summary>
    [Range(0d, 1d)]
    public double ReviewShare { get; init; } = 1;

    /// <summary>
    /// Share of all events that are copied whatever the model says of them. Above zero, answers tell
    /// <see href="teaching.md#quality-on-the-stream">the quality on the stream</see>.
    /// </summary>
    [Range(0d, 1d)]
    public double ReviewRandom { get; init; }

    /// <summary>Share of the events that are copied because their label, confidence or length has become twice as common as in the reference.</summary>
    [Range(0d, 1d)]
    public double ReviewDrifted { get; init; }

    /// <summary>Time that the quality on the stream looks back on: answers about older events count no more.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "3650.00:00:00")]
    public TimeSpan QualityWindow { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Whether any copies are asked for.</summary>
    public bool AsksForReview => Review.Count > 0 || ReviewRandom > 0 || ReviewDrifted > 0;

    /// <summary>Watched events that the drift scores look back on.</summary>
    [Range(100, 10_000_000)]
    public int DriftWindow { get; init; } = 20_000;

    /// <summary>A reference distribution to compare with, in place of the manifest's. A JSON file. Empty: the manifest's.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Where to write the distribution of what was watched, at the end of the run, as a reference to come. Empty: nowhere.</summary>
    public string SaveReference { get; init; } = "";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (task, limit) in LowConfidenceOf.Concat(Review))
        {
            if (limit is not (>= 0 and <= 1)) yield return new($"The limit of {task} is {limit}, expected a confidence from 0 to 1.");
        }
    }
}
