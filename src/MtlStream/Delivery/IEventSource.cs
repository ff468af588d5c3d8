using System.Threading.Channels;
using MtlStream.Events;

namespace MtlStream.Delivery;

/// <summary>The input side of the pipeline. Implemented by Kafka, by files, and in memory by the tests.</summary>
public interface IEventSource
{
    /// <summary>Reads events into <paramref name="received"/> until <paramref name="stopping"/> is cancelled or the input ends.</summary>
    /// <param name="received">Takes chunks of records in source order. The source bounds what is in flight by itself, between
    /// handing over and <see cref="Acknowledge"/>; a full channel holds it back besides.</param>
    /// <param name="stopping">Ends reading, and any wait for room. An event not handed over by then was not received.</param>
    Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping);

    /// <summary>
    /// Reports that the event at <paramref name="position"/> is finished: published as a result or a dead letter, or dropped
    /// because its assignment is over. Called exactly once per event handed over, in any order, from any thread.
    /// </summary>
    void Acknowledge(SourcePosition position);

    /// <summary>
    /// Says that an event waits for something outside, a schema registry for instance, and with it all that comes behind it in its
    /// partition. A hint: a source that can reads other partitions meanwhile. Called once per wait, from any thread.
    /// </summary>
    void Hold(SourcePosition position)
    {
    }

    /// <summary>Takes one <see cref="Hold"/> of this event back.</summary>
    void Release(SourcePosition position)
    {
    }

    /// <summary>Nothing more will be acknowledged: commits what is not committed yet and leaves. What was handed over and not acknowledged is
    /// delivered again. Not called after a failure.</summary>
    ValueTask CompleteAsync(CancellationToken abort);
}
