using MtlStream.Delivery;
using MtlStream.Diagnostics;

namespace MtlStream.Host.Lines;

/// <summary>From the lines of one stream to two others. Owns the reader, not the streams that are written.</summary>
/// <param name="format">Of the results; null for JSON lines.</param>
internal sealed class LineTransport(RecordReader reader, string name, Stream results, Stream rejects, TimeProvider time, ResultFormat? format = null) : ITransport
{
    public LineSource Source { get; } = new(reader, name, time);

    public LineSink Sink { get; } = new(results, rejects, time, format);

    public MessagingNames Names => MessagingNames.InProcess;

    IEventSource ITransport.Source => Source;

    IOutboundSink ITransport.Sink => Sink;

    /// <summary>Writes out what is left.</summary>
    public async ValueTask DisposeAsync()
    {
        Sink.Dispose();
        await reader.DisposeAsync();
    }
}
