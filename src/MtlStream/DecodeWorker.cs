using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Text;

namespace MtlStream;

/// <summary>What one decode worker does with a record: makes tokens of it, or answers it at once, or has it wait.</summary>
internal sealed class DecodeWorker(
    EventDecoder decoder, TextTokenizer tokenizer, PipelineMetrics metrics, DecodeInput input, EventBoundary boundary)
{
    private const string Stage = "decode";

    /// <param name="events">Gets what is to be scored, which whoever takes it owns.</param>
    /// <param name="answered">Gets the answer to what is not.</param>
    public void Decode(SourceRecord record, List<TokenizedEvent> events, List<OutboundRecord> answered)
    {
        Decoded decoded;
        try
        {
            Tracing.Begin(record, metrics.Names);
            if (record.Payload is null)
            {
                answered.Add(EventEncoder.EncodeTombstone(record));
                return;
            }
            decoded = decoder.Decode(record);
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            answered.Add(boundary.DeadLetter(record, Stage, bug));
            return;
        }
        if (decoded.Event is { } one) Take(one, events, answered);
        else if (decoded.NotNow is { } notNow) input.Later(record, notNow);
        else if (decoded.Rejection is { } rejection) answered.Add(EventEncoder.EncodeRefused(rejection, decoder.WithoutText));
        else foreach (var several in decoded.Events ?? []) Take(several, events, answered);
    }

    private void Take(TextEvent decoded, List<TokenizedEvent> events, List<OutboundRecord> answered)
    {
        OutboundRecord? answer;
        try
        {
            if (Tokenize(decoded) is { } tokenized)
            {
                events.Add(tokenized);
                return;
            }
            answer = AnswerUnread(decoded);
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            answer = boundary.DeadLetter(decoded.Source, Stage, bug);
        }
        using (decoded)
            if (boundary.Sendable(decoded, answer) is { } message) answered.Add(message);
    }

    /// <returns>Null when there is nothing to be read.</returns>
    private TokenizedEvent? Tokenize(TextEvent decoded)
    {
        if (BlankText.Is(decoded.Text)) return null;
        var tokens = tokenizer.Tokenize(decoded.Text, html: decoder.Unescape == TextEscapes.Html);
        if (tokens.Truncated) metrics.EventTruncated();
        if (decoded.Question is { } question)
        {
            using var asked = tokenizer.Tokenize(question);
            tokens.Question = asked.Tokens.ToArray();
        }

        if (!tokens.IsEmpty) return new(decoded, tokens, tokens.Windows.Length > 1 ? new WindowMerge(tokens) : null);
        tokens.Dispose();
        return null;
    }

    // Characters that are no part of any word: zero-width spaces, controls and the like.
    private OutboundRecord? AnswerUnread(TextEvent decoded)
    {
        var message = $"The text has {decoded.Text.Length} characters, none of which can be read; expected at least one word or sign.";
        var rejection = new Rejection(RejectionReason.EmptyText, Stage, message, decoded.Source);
        if (decoded.Part is null) return EventEncoder.EncodeRefused(rejection, decoder.WithoutText);
        return decoder.WithoutText == TextlessEvents.Reject ? EventEncoder.EncodeDeadLetter(rejection) : null;
    }
}
