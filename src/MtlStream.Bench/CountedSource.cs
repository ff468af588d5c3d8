using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Bench;

/// <summary>A source that counts what is acknowledged.</summary>
internal sealed class CountedSource(IEventSource source, RateMeter acknowledged) : IEventSource
{
    public Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping) => source.ReceiveAsync(received, stopping);

    public void Acknowledge(SourcePosition position)
    {
        source.Acknowledge(position);
        acknowledged.Add();
    }

    public ValueTask CompleteAsync(CancellationToken abort) => source.CompleteAsync(abort);
}
