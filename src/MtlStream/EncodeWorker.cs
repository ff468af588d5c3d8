using System.Text;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Serving;

namespace MtlStream;

/// <summary>A batch that went through the model.</summary>
/// <param name="Predictions">Owned by whoever encodes them; null when the model failed on it.</param>
/// <param name="Failure">Why it did; null when it did not.</param>
internal sealed record ScoredBatch(TokenBatch Batch, Predictions? Predictions, Exception? Failure);

/// <summary>Scored batches to messages: results, and dead letters of what the model failed on. Thread-safe.</summary>
internal sealed class EncodeWorker(
    EventEncoder encoder, EventBoundary boundary, PipelineMetrics metrics, DriftMonitor? watch, ShadowModel? shadow, TextGenerators? generators)
{
    /// <summary>The answers to all events that this batch completes; the events are disposed.</summary>
    /// <param name="generating">Gets those that are to have a text first, which whoever takes them owns.</param>
    public List<OutboundRecord> Encode(ScoredBatch scored, List<GeneratingEvent> generating)
    {
        var records = new List<OutboundRecord>(scored.Batch.Sequences.Count);
        using var predictions = scored.Predictions;
        for (var sequence = 0; sequence < scored.Batch.Sequences.Count; sequence++)
        {
            var tokens = (TokenizedEvent)scored.Batch.Sequences[sequence].Owner!;
            if (tokens.Windows is { } windows && !IsLast(windows, scored, sequence)) continue; // others of this text are to come
            var failure = tokens.Windows is null ? scored.Failure : tokens.Windows.Failure;
            var answer = failure is null ? Answer(tokens, predictions, sequence, generating) : Failed(tokens.Event.Source, failure, "score");
            if (answer is null) continue;
            using (tokens)
                if (boundary.Sendable(tokens.Event, answer) is { } message) records.Add(message);
        }

        return records;
    }

    private static bool IsLast(WindowMerge windows, ScoredBatch scored, int sequence)
    {
        if (scored.Predictions is null) return windows.Refuse(scored.Failure!);
        try
        {
            return windows.Add(scored.Batch.Sequences[sequence].Window, scored.Predictions, sequence);
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            return windows.Refuse(bug);
        }
    }

    /// <param name="stage">Of the model that failed on the event.</param>
    public OutboundRecord Failed(SourceRecord source, Exception failure, string stage) => failure is InferenceException
        ? EventEncoder.EncodeDeadLetter(new(RejectionReason.InferenceFailed, stage, failure.Message, source))
        : boundary.DeadLetter(source, stage, failure);

    /// <returns>Null when the event is to have a text first.</returns>
    private OutboundRecord? Answer(TokenizedEvent scored, Predictions? predictions, int sequence, List<GeneratingEvent> generating)
    {
        if (generators is null) return Answer(scored, predictions, sequence);
        try
        {
            if (generators.AskedFor(HeaderOf(scored.Event.Source), out var unknown) is not { } asked) return Unknown(scored.Event.Source, unknown, generators);
            if (asked.Count == 0) return Answer(scored, predictions, sequence);
            generating.Add(GeneratingEvent.Of(scored, predictions, sequence, asked));
            return null;
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            return boundary.DeadLetter(scored.Event.Source, "encode", bug);
        }
    }

    private static string? HeaderOf(SourceRecord source)
    {
        for (var i = 0; i < source.Headers.Count; i++)
            if (source.Headers[i].Key == TextGenerators.Header) return Encoding.UTF8.GetString(HeaderValue.Of(source.Headers[i]));
        return null;
    }

    private static OutboundRecord Unknown(SourceRecord source, string unknown, TextGenerators generators)
    {
        var message = $"The header {TextGenerators.Header} names a generator of {unknown.Length} characters that there is not; " +
            $"expected some of {string.Join(", ", generators.Names)}, or {TextGenerators.Nothing}.";
        return EventEncoder.EncodeDeadLetter(new(RejectionReason.UnknownGenerator, "generate", message, source));
    }

    /// <summary>The answer to an event that has all that it is to have.</summary>
    public OutboundRecord Answer(TokenizedEvent scored, Predictions? predictions, int sequence)
    {
        try
        {
            return scored.Windows is { } windows
                ? Encode(scored, windows.Merged, 0)
                : Encode(scored, predictions!, sequence);
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            return boundary.DeadLetter(scored.Event.Source, "encode", bug);
        }
    }

    /// <param name="sequence">The sequence of <paramref name="predictions"/> that covers all tokens of the event.</param>
    private OutboundRecord Encode(TokenizedEvent scored, Predictions predictions, int sequence)
    {
        if (!encoder.TryEncodeResult(scored, predictions, sequence, out var result, out var rejection, out var silent))
            return EventEncoder.EncodeDeadLetter(rejection);
        if (silent) metrics.TasksSilent();
        try
        {
            predictions.Trial?.Observe(scored.Tokens, predictions, sequence);
            shadow?.Offer(new(scored.Event.Text, scored.Tokens), predictions, sequence);
            if (watch is null) return result;
            var name = watch.AsksForReview ? EventIdentity.NameOf(scored.Event) : "";
            var choice = watch.Observe(scored.Tokens, predictions, sequence, EventIdentity.DrawOf(name));
            if (choice is null) return result;
            return result with { Review = EventEncoder.EncodeReview(result, name, choice.Reasons, choice.Unsure, choice.Probability) };
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            boundary.Unwatched(scored.Event.Source, bug);
            return result;
        }
    }
}
