using System.Diagnostics;
using System.Text;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream;

/// <summary>The spans of one sampled event: <c>process</c> from decoding until it is acknowledged, <c>send</c> for each message that answers it.</summary>
/// <remarks>One thread at a time: an event is in one stage at a time, and delivery is reported after sending.</remarks>
public sealed class EventTrace
{
    private readonly Activity _process;
    private Activity? _send;

    internal EventTrace(Activity process) => _process = process;

    /// <summary>The span that the other spans of this event hang from.</summary>
    public ActivityContext Context => _process.Context;

    /// <summary>Points from the event to the batch that scored it.</summary>
    internal void ScoredIn(Activity batch) => _process.AddLink(new(batch.Context));

    /// <summary>Starts the span of a message. A result carries it on; a dead letter keeps the headers that the event came with.</summary>
    internal OutboundRecord Send(OutboundRecord record, MessagingNames names)
    {
        var topic = record.Destination == Destination.DeadLetters ? names.DeadLetters : names.Results;
        using (Quiet.Now())
        {
            _send = Tracing.Source.StartActivity($"send {topic}", ActivityKind.Producer, _process.Context);
        }

        if (_send is null) return record;
        _send.SetTag("messaging.system", names.System);
        _send.SetTag("messaging.operation.name", "send");
        _send.SetTag("messaging.operation.type", "send");
        _send.SetTag("messaging.destination.name", topic);
        _send.SetTag("messaging.message.body.size", record.Payload?.Length ?? 0);
        if (record.Destination == Destination.DeadLetters) return record;
        var headers = new List<EventHeader>(record.Headers.Count + 1);
        headers.AddRange(record.Headers.Where(h => h.Key != Tracing.ParentHeader));
        headers.Add(new(Tracing.ParentHeader, Encoding.ASCII.GetBytes(_send.Id!)));
        return record with { Headers = headers };
    }

    /// <summary>Ends the spans of an answer. Metrics recorded inside <paramref name="record"/> get the trace as their exemplar.</summary>
    /// <param name="errorType">Why the event has no result, or why the message was refused; null when all went well.</param>
    /// <param name="final">False when another answer follows: a dead letter in place of a refused result.</param>
    internal void Answered(string? errorType, bool final, Action record)
    {
        using (Quiet.Now(_send ?? _process)) record();
        Stop(_send, errorType);
        _send = null;
        if (final) Stop(_process, errorType);
    }

    /// <summary>What is logged in the block carries the ids of the event's span, when it has one.</summary>
    internal static Quiet Inside(EventTrace? trace) => Quiet.Now(trace?._process);

    private static void Stop(Activity? span, string? errorType)
    {
        if (span is null) return;
        if (errorType is not null)
        {
            span.SetTag("error.type", errorType);
            span.SetStatus(ActivityStatusCode.Error);
        }

        using (Quiet.Now(span)) span.Stop();
    }
}

/// <summary>Sets the current span for a block and puts the one before back: spans here outlive the calls that start them.</summary>
internal readonly ref struct Quiet
{
    private readonly Activity? _before;

    private Quiet(Activity? before) => _before = before;

    public static Quiet Now(Activity? current = null)
    {
        var quiet = new Quiet(Activity.Current);
        Activity.Current = current;
        return quiet;
    }

    public void Dispose() => Activity.Current = _before;
}
