using MtlStream.Batching;
using MtlStream.Events;
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
internal sealed class EncodeWorker(EventEncoder encoder, EventBoundary boundary, PipelineMetrics metrics, DriftMonitor? watch, ShadowModel? shadow)
{
    /// <summary>The answers to all events that this batch completes; the events are disposed.</summary>
    public List<OutboundRecord> Encode(ScoredBatch scored)
    {
        var records = new List<OutboundRecord>(scored.Batch.Sequences.Count);
        using var predictions = scored.Predictions;
        for (var sequence = 0; sequence < scored.Batch.Sequences.Count; sequence++)
        {
            var tokens = (TokenizedEvent)scored.Batch.Sequences[sequence].Owner!;
            if (tokens.Windows is { } windows && !IsLast(windows, scored, sequence)) continue; // others of this text are to come
            using (tokens)
            {
                var failure = tokens.Windows is null ? scored.Failure : tokens.Windows.Failure;
                var answer = failure is null ? Answer(tokens, predictions, sequence) : Failed(tokens.Event.Source, failure);
                if (boundary.Sendable(tokens.Event, answer) is { } message) records.Add(message);
            }
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

    private OutboundRecord Failed(SourceRecord source, Exception failure) => failure is InferenceException
        ? EventEncoder.EncodeDeadLetter(new(RejectionReason.InferenceFailed, "score", failure.Message, source))
        : boundary.DeadLetter(source, "score", failure);

    private OutboundRecord Answer(TokenizedEvent scored, Predictions? predictions, int sequence)
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
