using System.Diagnostics.CodeAnalysis;
using MtlStream.Events;
using MtlStream.Models;

namespace MtlStream.Results;

/// <summary>Results, dead letters and tombstones to messages. Thread-safe.</summary>
/// <remarks>
/// A result is the original object's bytes with one more member. A byte order mark is left out, and so is a schema registry's
/// frame: the schema that it names does not describe the result. Headers are the original's; a plain text that becomes
/// an object gets the content type <c>application/json</c> in place of its own.
/// </remarks>
public sealed class EventEncoder(OutputOptions options, ModelIdentity model)
{
    private static readonly EventHeader JsonContentType = new(ContentType.HeaderName, "application/json"u8.ToArray());

    // Made for the first predictions that arrive, and again when another model takes over; a model always hands out the same list of tasks.
    private volatile AnalysisTemplate? _template;

    /// <summary>The original payload with the member <c>analysis</c>; or why there is none: scores that are not finite.</summary>
    /// <param name="row">The row of <paramref name="predictions"/> that covers all tokens of the event.</param>
    /// <exception cref="InvalidDataException">A task's labels or thresholds do not fit its kind.</exception>
    public bool TryEncodeResult(
        TokenizedEvent scored, Predictions predictions, int row,
        [NotNullWhen(true)] out OutboundRecord? result, [NotNullWhen(false)] out Rejection? rejection)
    {
        var source = scored.Event.Source;
        var template = Template(predictions);
        if (template.Flaw(predictions, row, scored.Tokens.Tokens.Length) is { } flaw)
        {
            result = null;
            rejection = new(RejectionReason.InferenceFailed, "score", flaw, source);
            return false;
        }
        var buffer = Utf8Buffer.ForThisThread();
        var isText = scored.Event.Envelope.Kind == EnvelopeKind.Text;
        if (isText)
        {
            buffer.Write("{\"text\":\""u8);
            JsonText.Escape(scored.Event.Text, buffer);
            buffer.Write("\","u8);
        }
        template.Write(scored, predictions, row, buffer);
        if (isText) buffer.Write((byte)'}');
        result = new(
            Destination.Results,
            isText ? buffer.Written.ToArray() : Insert(scored.Event, buffer.Written),
            isText ? WithJsonContentType(source.Headers) : source.Headers,
            source);
        rejection = null;
        return true;
    }

    /// <summary>The original key and bytes, with headers that say where and why it failed.</summary>
    public static OutboundRecord EncodeDeadLetter(Rejection rejection) =>
        new(Destination.DeadLetters, rejection.Source.Payload, DeadLetter.HeadersOf(rejection), rejection.Source);

    /// <summary>A tombstone, passed on.</summary>
    public static OutboundRecord EncodeTombstone(SourceRecord source) => new(Destination.Results, null, source.Headers, source);

    private AnalysisTemplate Template(Predictions predictions)
    {
        var (tasks, identity) = (predictions.Tasks, predictions.Model ?? model);
        var template = _template;
        if (template is null || !ReferenceEquals(template.Tasks, tasks) || template.Model != identity)
            _template = template = new(tasks, identity, options.AllScores);
        return template;
    }

    private static byte[] Insert(TextEvent decoded, ReadOnlySpan<byte> analysis)
    {
        var envelope = decoded.Envelope;
        ReadOnlySpan<byte> body = envelope.Rewritten ?? decoded.Source.Payload;
        var removes = envelope.RemoveStart >= 0;
        var head = body[envelope.Skip..(removes ? envelope.RemoveStart : envelope.InsertAt)];
        var rest = removes ? body[envelope.RemoveEnd..envelope.InsertAt] : default;
        var tail = body[envelope.InsertAt..];
        var comma = envelope.NeedsComma ? ","u8 : default;

        var output = GC.AllocateUninitializedArray<byte>(head.Length + rest.Length + comma.Length + analysis.Length + tail.Length);
        var room = output.AsSpan();
        head.CopyTo(room);
        rest.CopyTo(room = room[head.Length..]);
        comma.CopyTo(room = room[rest.Length..]);
        analysis.CopyTo(room = room[comma.Length..]);
        tail.CopyTo(room[analysis.Length..]);
        return output;
    }

    private static List<EventHeader> WithJsonContentType(IReadOnlyList<EventHeader> headers)
    {
        var result = new List<EventHeader>(headers.Count + 1);
        var replaced = false;
        foreach (var header in headers)
        {
            if (!ContentType.IsHeader(header)) result.Add(header);
            else if (!replaced) result.Add(JsonContentType);
            replaced |= ContentType.IsHeader(header);
        }
        if (!replaced) result.Add(JsonContentType);
        return result;
    }
}
