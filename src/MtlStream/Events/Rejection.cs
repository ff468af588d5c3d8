using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>Why an event was sent to the dead-letter topic instead of being analysed.</summary>
/// <remarks>
/// In snake case the names are the <c>mtlstream.reason</c> header, part of the schema and a metric tag: add, never rename.
/// </remarks>
public enum RejectionReason
{
    /// <summary>The payload is not well-formed JSON, or not a well-formed CloudEvent, or compressed and damaged.</summary>
    MalformedPayload,

    /// <summary>The pointer to the text leads nowhere, or to null.</summary>
    MissingText,

    /// <summary>The payload is neither object, array nor string, or the text is not a string.</summary>
    WrongType,

    /// <summary>The text is empty, white space, or without anything that can be read.</summary>
    EmptyText,

    /// <summary>The payload is not valid UTF-8.</summary>
    InvalidUtf8,

    /// <summary>The payload is longer than <c>Input:MaxPayloadBytes</c>, as it came or unpacked.</summary>
    PayloadTooLarge,

    /// <summary>The payload is framed Avro or Protobuf, UTF-16, or of a content type that is not supported.</summary>
    UnsupportedEncoding,

    /// <summary>The model failed on this event alone, after its batch had been split, or gave scores that are not finite.</summary>
    InferenceFailed,

    /// <summary>The enriched event is larger than the output topic allows.</summary>
    OutputTooLarge,

    /// <summary>The brokers refused the enriched event for good, and not for its size: no key on a compacted topic, or its time.</summary>
    OutputRefused,

    /// <summary>The event tripped a bug of this program.</summary>
    InternalError,

    /// <summary>The schema registry has no such schema, or none that can be read.</summary>
    UnknownSchema,

    /// <summary>The event's header asks for a text of a model that there is not.</summary>
    UnknownGenerator,
}

/// <summary>Reasons as headers, schema and metric tags spell them.</summary>
public static class RejectionReasons
{
    /// <summary>All of them, in the order of the enum.</summary>
    public static IReadOnlyList<string> WireNames => SnakeCase.All<RejectionReason>();

    public static string WireName(this RejectionReason reason) => SnakeCase.Of(reason);

    /// <summary>True where the event is in order and has no text: what <c>Input:WithoutText</c> is about.</summary>
    public static bool IsTextless(this RejectionReason reason) => reason is RejectionReason.MissingText or RejectionReason.EmptyText;

    public static bool TryParse(string wireName, out RejectionReason reason) => SnakeCase.TryParse(wireName, out reason);
}

/// <summary>An event that cannot be analysed. A value, not an exception: it is an expected outcome.</summary>
/// <param name="Stage">The pipeline stage that refused it: <c>decode</c>, <c>score</c>, <c>generate</c>, <c>encode</c>, <c>publish</c>.</param>
/// <param name="Message">What was found, what was expected, and where.</param>
public sealed record Rejection(RejectionReason Reason, string Stage, string Message, SourceRecord Source);
