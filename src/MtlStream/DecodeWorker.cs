using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Text;

namespace MtlStream;

/// <summary>What one decode worker does with a record: makes tokens of it, or answers it at once, or has it wait.</summary>
internal sealed class DecodeWorker(
    EventDecoder decoder, TextTokenizer tokenizer, PipelineMetrics metrics, DecodeInput input)
{
    /// <param name="events">Gets what is to be scored, which whoever takes it owns.</param>
    /// <param name="answered">Gets the answer to what is not.</param>
    public void Decode(SourceRecord record, List<TokenizedEvent> events, List<OutboundRecord> answered)
    {
        Tracing.Begin(record, metrics.Names);
        if (record.Payload is null)
        {
            answered.Add(EventEncoder.EncodeTombstone(record));
            return;
        }
        var decoded = decoder.Decode(record);
        if (decoded.Event is { } one) Tokenize(one, events, answered);
        else if (decoded.NotNow is { } notNow) input.Later(record, notNow);
        else if (decoded.Rejection is { } rejection) answered.Add(EventEncoder.EncodeRefused(rejection, decoder.WithoutText));
        else foreach (var several in decoded.Events ?? []) Tokenize(several, events, answered);
    }

    private void Tokenize(TextEvent decoded, List<TokenizedEvent> events, List<OutboundRecord> answered)
    {
        var tokens = tokenizer.Tokenize(decoded.Text);
        if (tokens.Truncated) metrics.EventTruncated();
        if (!tokens.IsEmpty)
        {
            events.Add(new(decoded, tokens, tokens.Windows.Length > 1 ? new WindowMerge(tokens) : null));
            return;
        }
        using (decoded)
        using (tokens)
            if (AnswerUnread(decoded) is { } answer) answered.Add(answer);
    }

    // Characters that are no part of any word: zero-width spaces, controls and the like.
    private OutboundRecord? AnswerUnread(TextEvent decoded)
    {
        var message = $"The text has {decoded.Text.Length} characters, none of which can be read; expected at least one word or sign.";
        var rejection = new Rejection(RejectionReason.EmptyText, "decode", message, decoded.Source);
        if (decoded.Part is not { } part) return EventEncoder.EncodeRefused(rejection, decoder.WithoutText);
        var stays = decoder.WithoutText != TextlessEvents.Reject;
        return part.Group.Answered(part.Index, stays ? null : EventEncoder.EncodeDeadLetter(rejection));
    }
}
