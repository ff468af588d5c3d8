using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using MtlStream.Batching;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;

namespace MtlStream;

/// <summary>Starts the spans of events and batches. Names and attributes follow OpenTelemetry's messaging conventions.</summary>
/// <remarks>An event whose trace is not sampled costs no span that is kept: its <c>traceparent</c> passes through unchanged.</remarks>
internal static class Tracing
{
    public const string ParentHeader = "traceparent";
    public const string StateHeader = "tracestate";

    public static readonly ActivitySource Source = new(Instrumentation.Name);

    // Beside the records, not on them: traces are this room's business. An entry goes with its record.
    private static readonly ConditionalWeakTable<SourceRecord, EventTrace> s_sampled = [];

    /// <summary>The event's spans, from decoding until its answer is durable; null when its trace is not sampled.</summary>
    public static EventTrace? Of(SourceRecord record) =>
        Source.HasListeners() && s_sampled.TryGetValue(record, out var trace) ? trace : null;

    /// <summary>Continues the trace that an event came with, or starts one; <see cref="Of"/> finds it when it is sampled.</summary>
    public static void Begin(SourceRecord record, MessagingNames names)
    {
        if (!Source.HasListeners() || s_sampled.TryGetValue(record, out _)) return; // one that had to wait comes again
        Activity? span;
        using (Quiet.Now()) span = Source.StartActivity($"process {record.Position.Topic}", ActivityKind.Consumer, Parent(record));
        if (span is null) return;
        if (!span.Recorded || !span.IsAllDataRequested)
        {
            span.Dispose();
            return;
        }

        span.SetTag("messaging.system", names.System);
        span.SetTag("messaging.operation.name", "process");
        span.SetTag("messaging.operation.type", "process");
        span.SetTag("messaging.destination.name", record.Position.Topic);
        span.SetTag("messaging.destination.partition.id", record.Position.Partition.ToString(null, null));
        span.SetTag("messaging.kafka.offset", record.Position.Offset);
        if (names.Group.Length > 0) span.SetTag("messaging.consumer.group.name", names.Group);
        if (record.Payload is null) span.SetTag("messaging.kafka.message.tombstone", true);
        s_sampled.Add(record, new(span));
    }

    /// <summary>Starts the span of a batch with sampled events in it, linked to each of them; null when there are none.</summary>
    /// <remarks>It hangs from the first of its events, so that it is sampled whenever one of them is.</remarks>
    public static Activity? BeginBatch(TokenBatch batch, ModelIdentity model)
    {
        if (!Source.HasListeners()) return null;
        var sampled = batch.Sequences.Select(r => r.Owner).OfType<TokenizedEvent>().Select(e => Of(e.Event.Source))
            .OfType<EventTrace>().Distinct().ToList();
        if (sampled.Count == 0) return null;
        var span = Source.StartActivity(
            "score", ActivityKind.Internal, sampled[0].Context, links: [.. sampled.Select(s => new ActivityLink(s.Context))]);
        if (span is null) return null;
        span.SetTag("mtlstream.batch.rows", batch.Sequences.Count);
        span.SetTag("mtlstream.batch.columns", batch.PaddedLength);
        span.SetTag("mtlstream.batch.tokens", batch.Tokens);
        span.SetTag("mtlstream.batch.trigger", PipelineMetrics.Tag(batch.Trigger));
        span.SetTag("mtlstream.model.name", model.Name);
        span.SetTag("mtlstream.model.version", model.Version);
        span.SetTag("mtlstream.model.device", model.Device);
        foreach (var trace in sampled) trace.ScoredIn(span);
        return span;
    }

    /// <summary>Why a record is a dead letter, as its headers say.</summary>
    public static string ReasonOf(OutboundRecord deadLetter)
    {
        for (var i = deadLetter.Headers.Count - 1; i >= 0; i--)
        {
            if (deadLetter.Headers[i] is { Key: DeadLetter.ReasonHeader, Value: { } reason }) return Encoding.UTF8.GetString(reason);
        }

        return "_OTHER"; // the conventions' word for a cause without a name
    }

    private static ActivityContext Parent(SourceRecord record)
    {
        string? parent = null, state = null;
        foreach (var header in record.Headers)
        {
            if (header.Value is null) continue;
            if (header.Key == ParentHeader) parent = Encoding.UTF8.GetString(header.Value);
            else if (header.Key == StateHeader) state = Encoding.UTF8.GetString(header.Value);
        }

        return ActivityContext.TryParse(parent, state, isRemote: true, out var context) ? context : default;
    }
}
