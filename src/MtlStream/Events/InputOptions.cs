using System.ComponentModel.DataAnnotations;

namespace MtlStream.Events;

/// <summary>How payloads are read.</summary>
public enum InputFormat
{
    /// <summary>CloudEvents by headers, content type or content; Kafka Connect's envelope by content; else JSON.</summary>
    Auto,
    Json,
    Text,
    CloudEvents,
}

/// <summary>What becomes of an event that has no text.</summary>
public enum TextlessEvents
{
    /// <summary>It goes to the dead-letter topic.</summary>
    Reject,

    /// <summary>It goes to the output topic as it came.</summary>
    Pass,

    /// <summary>Nothing is written; it is counted and acknowledged.</summary>
    Drop,
}

/// <summary>Escapes in texts that are read as what they stand for.</summary>
public enum TextEscapes
{
    /// <summary>A text is read as it stands.</summary>
    None,

    /// <summary>Entities of HTML 5, such as <c>&amp;amp;amp;</c> and <c>&amp;amp;#39;</c>, once. Ranges are those of the text as it stands.</summary>
    Html,
}

/// <summary>What comes in. Section <c>Input</c>.</summary>
public sealed record InputOptions : IValidatableObject
{
    private const string DefaultPointer = "/text";

    /// <summary>How payloads are read: <see href="events.md">which is what</see>.</summary>
    public InputFormat Format { get; init; }

    /// <summary>JSON pointer (RFC 6901) to the text; for CloudEvents relative to <c>data</c>.</summary>
    public string TextPointer { get; init; } = DefaultPointer;

    /// <summary>Several pointers in place of the one: the first text that is there is taken.</summary>
    public IReadOnlyList<string> TextPointers { get; init; } = [];

    /// <summary>All texts that are there are joined to one; <c>analysis.fields</c> says which is where.</summary>
    public bool JoinTexts { get; init; }

    /// <summary>What stands between joined texts; <c>\n</c> is a line end, <c>\t</c> a tab. No entity crosses an empty line.</summary>
    public string TextSeparator { get; init; } = @"\n\n";

    /// <summary>What becomes of events without a text. <c>Pass</c>: they go on as they came. <c>Drop</c>: they are only counted.</summary>
    public TextlessEvents WithoutText { get; init; }

    /// <summary>
    /// <c>Html</c>: entities such as <c>&amp;amp;</c> are read as what they stand for; <see
    /// href="events.md#texts-with-html-entities">ranges stay</see>.
    /// </summary>
    public TextEscapes Unescape { get; init; }

    /// <summary>Longest payload that is decoded, before and after unpacking; longer ones are rejected.</summary>
    [Range(1, 256 << 20)]
    public int MaxPayloadBytes { get; init; } = 16 << 20;

    /// <summary>JSON pointer to a question that the event asks about its text; its answer is named after the pointer. Empty: none.</summary>
    public string QuestionPointer { get; init; } = "";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (QuestionPointer.Length > 0 && PointerProblem(QuestionPointer, out _) is { } wrong) yield return new($"{wrong}.", [nameof(QuestionPointer)]);
        if (QuestionPointer.Length > 0 && Format == InputFormat.Text)
            yield return new("found one with Input:Format Text, whose events have no members; expected another format.", [nameof(QuestionPointer)]);
        if (PointerProblem(TextPointer, out _) is { } problem) yield return new($"{problem}.", [nameof(TextPointer)]);
        foreach (var text in TextPointers)
            if (PointerProblem(text, out _) is { } other) yield return new($"{other}.", [nameof(TextPointers)]);
        if (TextPointers.Count > Events.TextPointers.Most)
            yield return new($"found {TextPointers.Count} pointers, expected at most {Events.TextPointers.Most}.", [nameof(TextPointers)]);
        if (TextPointers.Count > 0 && TextPointer != DefaultPointer)
            yield return new("found beside Input:TextPointers, expected one of the two.", [nameof(TextPointer)]);
        if (JoinTexts && TextPointers.Count < 2)
            yield return new($"found true with {TextPointers.Count} pointers, expected Input:TextPointers:0 and :1 at least.", [nameof(JoinTexts)]);
    }

    internal static string? PointerProblem(string text, out JsonPointer? pointer)
    {
        if (!JsonPointer.TryParse(text, out pointer, out var problem)) return problem;
        return pointer.Segments[0].Name == "analysis"
            ? $"found \"{text}\", which points into the member \"analysis\" that the result replaces; expected another"
            : null;
    }
}

/// <summary>What answers to events of a schema registry are.</summary>
public enum OutputFormat
{
    /// <summary>What the event is: Avro, Protobuf or JSON.</summary>
    Same,

    /// <summary>JSON, whatever the event is.</summary>
    Json,
}

/// <summary>What goes out. Section <c>Output</c>.</summary>
public sealed record OutputOptions
{
    /// <summary>What answers to Avro and Protobuf <see href="events.md#schema-registries">of a schema registry</see> are. Everything else is answered in JSON.</summary>
    public OutputFormat Format { get; init; }

    /// <summary>Text-level tasks also carry every label's probability.</summary>
    public bool AllScores { get; init; }

    /// <summary>Results also carry the labels of whole texts as headers, such as <c>mtlstream.sentiment: positive</c>.</summary>
    public bool LabelHeaders { get; init; }

    /// <summary>Whether results carry the vectors of the tasks that give one, and how. <c>Model:Tasks</c> may ask for them too.</summary>
    public VectorFormat Vectors { get; init; }
}

/// <summary>How results carry vectors.</summary>
public enum VectorFormat
{
    /// <summary>Not at all, unless <c>Model:Tasks</c> names the task.</summary>
    None,

    /// <summary>Numbers with six decimals.</summary>
    Numbers,

    /// <summary>Whole numbers from -127 to 127 and a factor: a third of the bytes.</summary>
    Bytes,
}
