using MtlStream.Diagnostics;

namespace MtlStream.Delivery;

/// <summary>One connection to where events come from and where answers go. Implemented by Kafka, by files, and in memory.</summary>
/// <remarks>
/// A source may leave an object in <see cref="Events.SourceRecord.Correlation"/>; its sink finds it with the answer.
/// Dispose it after the pipeline has ended: what is not acknowledged then is delivered again.
/// </remarks>
public interface ITransport : IAsyncDisposable
{
    IEventSource Source { get; }

    IOutboundSink Sink { get; }

    /// <summary>What metrics and traces call the two ends.</summary>
    MessagingNames Names { get; }

    /// <summary>Why it takes no events now, in a sentence without its full stop; null when it does.</summary>
    string? NotReadyBecause => null;

    /// <summary>How long it has been inside a call that should be over; null when it is not. A restart would help.</summary>
    TimeSpan? LostFor => null;

    /// <summary>What waits in each partition that it reads now; empty where that is not known.</summary>
    IReadOnlyList<PartitionLag> Lags => [];
}

/// <summary>Opens the transport that the settings name. Its owner disposes it.</summary>
public delegate ITransport TransportFactory();
