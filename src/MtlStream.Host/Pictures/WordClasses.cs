namespace MtlStream.Host.Pictures;

/// <summary>Parts of speech that a reader tells apart by colour. Tags are those of Universal Dependencies.</summary>
internal static class WordClasses
{
    private static readonly Dictionary<string, int> s_classes = new(StringComparer.Ordinal)
    {
        ["NOUN"] = 0, ["PROPN"] = 0, ["PRON"] = 0, ["VERB"] = 1, ["AUX"] = 1, ["ADJ"] = 2, ["ADV"] = 3, ["NUM"] = 4,
    };

    public static IReadOnlyList<string> Names { get; } = ["noun", "verb", "adjective", "adverb", "number"];

    /// <summary>Index into <see cref="Names"/>; null for a tag that gets no colour of its own.</summary>
    public static int? Of(LabelledRange? tag) => tag is not null && s_classes.TryGetValue(tag.Label, out var found) ? found : null;
}
