using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Host.Measuring;

/// <summary>A source that counts what is settled.</summary>
internal sealed class CountedSource(IEventSource source, RateMeter settled) : IEventSource
{
    public Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping) => source.ReceiveAsync(received, stopping);

    public void Settle(SourcePosition position)
    {
        source.Settle(position);
        settled.Add();
    }

    public ValueTask CompleteAsync(CancellationToken abort) => source.CompleteAsync(abort);
}
