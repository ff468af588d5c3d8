using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream;

/// <summary>What becomes of an event that trips a bug of this program: a dead letter, while its neighbours and the stream go on.</summary>
/// <remarks>Neither the log nor the dead letter repeats an exception's message, which may hold the event's text. Thread-safe.</remarks>
internal sealed class EventBoundary(ILogger logger, TimeProvider time)
{
    private readonly RepeatedLines _lines = new(time);

    /// <summary>False for what ends the run instead: a cancellation.</summary>
    public static bool IsBug(Exception exception) => exception is not OperationCanceledException;

    /// <summary>The dead letter of an event that cannot be worked on, which the log tells of as an error.</summary>
    /// <param name="stage">Where it happened: <c>decode</c>, <c>score</c>, <c>generate</c> or <c>encode</c>.</param>
    public OutboundRecord DeadLetter(SourceRecord source, string stage, Exception bug)
    {
        var position = source.Position;
        var told = bug.WithoutMessages();
        if (_lines.TryTake($"{stage} {told}", out var times))
        {
            using (EventTrace.Inside(Tracing.Of(source)))
                logger.EventFailed(stage, position.Topic, position.Partition, position.Offset, RepeatedLines.WithCount(told, times));
        }

        var message = $"A bug of this program ({bug.GetType().FullName}) kept the event from being analysed; its log says where.";
        return EventEncoder.EncodeDeadLetter(new(RejectionReason.InternalError, stage, message, source));
    }

    /// <summary>Says that a result is fine, and that what watches the model could not look at it.</summary>
    public void Unwatched(SourceRecord source, Exception bug)
    {
        var position = source.Position;
        var told = bug.WithoutMessages();
        if (!_lines.TryTake($"watch {told}", out var times)) return;
        using (EventTrace.Inside(Tracing.Of(source)))
            logger.EventUnwatched(position.Topic, position.Partition, position.Offset, RepeatedLines.WithCount(told, times));
    }

    /// <summary>What is to be sent now that an event is answered: of several in one message, the last one brings the answer to all.</summary>
    /// <param name="answer">Null for one of several that stays as it is.</param>
    /// <returns>Null while others of the message are to come.</returns>
    public OutboundRecord? Sendable(TextEvent answered, OutboundRecord? answer)
    {
        if (answered.Part is not { } part) return answer;
        try
        {
            return part.Group.Answered(part.Index, answer);
        }
        catch (Exception bug) when (IsBug(bug))
        {
            return DeadLetter(answered.Source, "encode", bug);
        }
    }
}
