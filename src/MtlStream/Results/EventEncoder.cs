using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Results;

/// <summary>Results, dead letters and tombstones to messages. Thread-safe.</summary>
/// <remarks>A result is what the event's codec makes of the payload and the analysis; its headers are the codec's, too.</remarks>
/// <param name="generated">Names of the texts that an event may have beside its labels; null for none.</param>
public sealed class EventEncoder(OutputOptions options, ModelIdentity model, IReadOnlyList<string>? generated = null)
{
    /// <summary>Header of a copy for review: which tasks are uncertain.</summary>
    public const string ReviewHeader = "mtlstream.review";

    /// <summary>Header of such a copy: why it was drawn, see <c>docs/events.md</c>.</summary>
    public const string ReviewReasonsHeader = "mtlstream.review.reasons";

    /// <summary>Header of such a copy: how likely it was to be drawn. Only where every event of the stream had a chance.</summary>
    public const string ReviewProbabilityHeader = "mtlstream.review.probability";

    /// <summary>Header of such a copy: the event, by <see cref="EventIdentity.NameOf"/>.</summary>
    public const string ReviewEventHeader = "mtlstream.review.event";

    // Made for the first predictions that arrive, and again when another model takes over; a model always hands out the same list of tasks.
    private volatile AnalysisTemplate? _template;

    /// <summary>What is in an analysis of these tasks, for formats that must declare it.</summary>
    /// <param name="generated">Names of the texts that an event may have beside its labels.</param>
    public static Shape ShapeOf(IReadOnlyList<ModelTask> tasks, OutputOptions options, params IReadOnlyList<string> generated) =>
        AnalysisTemplate.ShapeOf(tasks, DetailOf(options), new(tasks), generated);

    /// <summary>The original payload with the member <c>analysis</c>; or why there is none: scores that are not finite.</summary>
    /// <param name="sequence">The sequence of <paramref name="predictions"/> that covers all tokens of the event.</param>
    public bool TryEncodeResult(
        TokenizedEvent scored, Predictions predictions, int sequence,
        [NotNullWhen(true)] out OutboundRecord? result, [NotNullWhen(false)] out Rejection? rejection) =>
        TryEncodeResult(scored, predictions, sequence, out result, out rejection, out _);

    /// <inheritdoc cref="TryEncodeResult(TokenizedEvent, Predictions, int, out OutboundRecord?, out Rejection?)"/>
    /// <param name="silent">Whether tasks were left out because they do not know the text's language.</param>
    public bool TryEncodeResult(
        TokenizedEvent scored, Predictions predictions, int sequence,
        [NotNullWhen(true)] out OutboundRecord? result, [NotNullWhen(false)] out Rejection? rejection, out bool silent)
    {
        silent = false;
        var source = scored.Event.Source;
        var template = Template(predictions);
        if (template.ValidationError(scored, predictions, sequence) is { } error)
        {
            result = null;
            rejection = new(RejectionReason.InferenceFailed, "score", error, source);
            return false;
        }
        var buffer = Utf8Buffer.ForThisThread();
        var language = template.Gate.LanguageOf(predictions, sequence);
        silent = language >= 0;
        template.Write(scored, predictions, sequence, language, buffer);
        var codec = scored.Event.Envelope.Codec ?? throw new ArgumentException("Nothing says how to answer this event.", nameof(scored));
        var payload = codec.Answer(scored.Event, new(buffer.Written, template.Shape));
        var headers = codec.AnswerHeadersOf(scored.Event);
        if (options.LabelHeaders) headers = template.Headers.AddTo(headers, scored, predictions, sequence, template.Gate, language);
        result = new(Destination.Results, payload, headers, source);
        rejection = null;
        return true;
    }

    /// <summary>The original key and bytes, with headers that say where and why it failed.</summary>
    public static OutboundRecord EncodeDeadLetter(Rejection rejection) =>
        new(Destination.DeadLetters, rejection.Source.Payload, DeadLetter.HeadersOf(rejection), rejection.Source);

    /// <summary>What answers an event in place of a record that its topic refused for good; null when nothing smaller is left.</summary>
    /// <remarks>A result becomes a dead letter. A dead letter that is too large becomes a smaller one.</remarks>
    public static OutboundRecord? EncodeUnpublished(OutboundRecord record, RejectionReason reason, string message)
    {
        if (record.Destination != Destination.DeadLetters) return EncodeDeadLetter(new(reason, "publish", message, record.Source));
        return reason == RejectionReason.OutputTooLarge ? SmallerLetter.Of(record) : null;
    }

    /// <summary>A copy of a result that a person should look at.</summary>
    /// <param name="name">The event's.</param>
    /// <param name="unsure">The tasks that are uncertain and their confidence, such as <c>sentiment=0.41</c>; empty for none.</param>
    public static OutboundRecord EncodeReview(OutboundRecord result, string name, string reasons, string unsure, double? probability)
    {
        var headers = new List<EventHeader>(result.Headers);
        if (unsure.Length > 0) headers.Add(new(ReviewHeader, Encoding.UTF8.GetBytes(unsure)));
        headers.Add(new(ReviewReasonsHeader, Encoding.UTF8.GetBytes(reasons)));
        headers.Add(new(ReviewEventHeader, Encoding.UTF8.GetBytes(name)));
        if (probability is { } likely) headers.Add(new(ReviewProbabilityHeader, Encoding.UTF8.GetBytes(likely.ToString("R", CultureInfo.InvariantCulture))));
        return new(Destination.Review, result.Payload, headers, result.Source);
    }

    /// <summary>A tombstone, passed on.</summary>
    public static OutboundRecord EncodeTombstone(SourceRecord source) => new(Destination.Results, null, source.Headers, source);

    /// <summary>What becomes of an event without a result: a dead letter, or what was chosen for those without a text.</summary>
    public static OutboundRecord EncodeRefused(Rejection rejection, TextlessEvents withoutText) =>
        withoutText != TextlessEvents.Reject && rejection.Reason.IsTextless()
            ? OutboundRecord.Textless(rejection.Source, withoutText)
            : EncodeDeadLetter(rejection);

    private static AnswerDetail DetailOf(OutputOptions options) => new(options.AllScores, options.Vectors == VectorFormat.Bytes);

    private AnalysisTemplate Template(Predictions predictions)
    {
        var (tasks, identity) = (predictions.Tasks, predictions.Model ?? model);
        var template = _template;
        if (template is null || !ReferenceEquals(template.Tasks, tasks) || template.Model != identity)
            _template = template = new(tasks, identity, DetailOf(options), generated ?? []);
        return template;
    }
}
