namespace MtlStream.Learning.Review;

/// <summary>A text that a person is asked about, and what the model said of it.</summary>
/// <param name="Id">The event's place, <c>comments/0/1234</c>; of a copy without it a hash of its bytes, <c>sha256:...</c>.</param>
/// <param name="Text">As the model saw it. For the person who answers, never for a log.</param>
/// <param name="Given">By task about whole texts or spans: the labels that the model gave, of spans as <see cref="SpanLabel"/> writes them.</param>
public sealed record ReviewQuestion(string Id, string Text, IReadOnlyDictionary<string, IReadOnlyList<string>> Given)
{
    /// <summary>Name and version of the model that gave them; null where it is not told.</summary>
    public ModelName? Model { get; init; }

    /// <summary>Tasks that the model was unsure of.</summary>
    public IReadOnlyList<string> Unsure { get; init; } = [];

    /// <summary><c>uncertain</c>, <c>drifted</c> or <c>random</c>; none where it is not told.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>How likely the event was to be drawn, above 0 to 1; null where some events had no chance.</summary>
    public double? Probability { get; init; }

    /// <summary>The event's own time; null where it has none.</summary>
    public DateTimeOffset? Time { get; init; }
}

/// <summary>Which model said something.</summary>
public sealed record ModelName(string Name, string Version);
