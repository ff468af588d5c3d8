using System.ComponentModel.DataAnnotations;

namespace MtlStream.Generation;

/// <summary>Models that write texts, and how much they do at once. Section <c>Generation</c>.</summary>
/// <remarks>Which events get a text is said by <c>Model:Generate</c> or by the event's header.</remarks>
public sealed record GenerationOptions : IValidatableObject
{
    /// <summary>
    /// Folder of a package that <see href="generation.md">mtlstream model import</see> wrote, by the name that results give to its
    /// texts: <c>Generation:Models:title=DIR</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Models { get; init; } = new Dictionary<string, string>();

    /// <summary>Most tokens of sources and texts that a model works on at once, as long as they may get and padding included. Bounds memory.</summary>
    [Range(64, 1 << 24)]
    public int MaxTokensInFlight { get; init; } = 8192;

    /// <summary>Most rows of a running batch; a text that is searched with several beams has a row for each.</summary>
    [Range(1, 1024)]
    public int MaxRows { get; init; } = 64;

    /// <summary>Running batches side by side, one thread each. Zero: one per four cores.</summary>
    [Range(0, 256)]
    public int Workers { get; init; }

    /// <summary>Most tokens of a text for each token of its source, beside 16 that any text may have.</summary>
    [Range(0.05, 50d)]
    public double MaxLengthRatio { get; init; } = 2;

    /// <summary>Beams of the search, 1 for greedy. Zero: as many as the package says.</summary>
    [Range(0, 16)]
    public int Beams { get; init; }

    /// <summary>Workers that were asked for, or that suit this machine.</summary>
    internal int WorkersHere => Workers > 0 ? Workers : Math.Max(1, Environment.ProcessorCount / 4);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, folder) in Models)
        {
            if (string.IsNullOrWhiteSpace(folder)) yield return new($"Generation:Models:{name}: found no folder, expected that of a package.");
        }

        if (Beams > MaxRows) yield return new($"Generation:Beams: found {Beams}, expected at most Generation:MaxRows ({MaxRows}).");
    }
}
