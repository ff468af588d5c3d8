using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream.Host.Worker;

/// <summary>A transport whose answers are counted. Owns the one that it is about.</summary>
internal sealed class TalliedTransport(ITransport transport, EventTally tally) : ITransport
{
    public IEventSource Source => transport.Source;

    public IOutboundSink Sink { get; } = new TalliedSink(transport.Sink, tally);

    public MessagingNames Names => transport.Names;

    public string? NotReadyBecause => transport.NotReadyBecause;

    public TimeSpan? LostFor => transport.LostFor;

    public IReadOnlyList<PartitionLag> Lags => transport.Lags;

    public ValueTask DisposeAsync() => transport.DisposeAsync();

    private sealed class TalliedSink(IOutboundSink sink, EventTally tally) : IOutboundSink
    {
        private volatile Reporter? _last; // a run hands in one delegate for all its records

        public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
        {
            if (record.Destination == Destination.Review) return sink.PublishAsync(record, reported, abort);
            var last = _last;
            if (last is null || last.Reported != reported) _last = last = new(reported, tally);
            return sink.PublishAsync(record, last.Tallied, abort);
        }

        public Task FlushAsync(CancellationToken abort) => sink.FlushAsync(abort);
    }

    private sealed class Reporter
    {
        public Reporter(PublishReport reported, EventTally tally)
        {
            Reported = reported;
            Tallied = (record, outcome, refusal) =>
            {
                tally.Add(record, outcome);
                reported(record, outcome, refusal);
            };
        }

        public PublishReport Reported { get; }

        public PublishReport Tallied { get; }
    }
}
