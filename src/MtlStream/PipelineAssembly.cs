using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Serving;

namespace MtlStream;

/// <summary>Puts pipelines together, the same way for every command, with what all pipelines of a process share.</summary>
public sealed class PipelineAssembly(ILoggerFactory loggers, IMeterFactory meters, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<MessagingNames, PipelineMetrics> _metrics = [];

    public TimeProvider Time { get; } = time;
    public ILoggerFactory Loggers { get; } = loggers;
    public IMeterFactory Meters { get; } = meters;

    /// <summary>A pipeline from a transport's source to its sink. It owns neither the transport nor the model.</summary>
    /// <param name="codecs">Asked before those of the format that the options name.</param>
    public AnalyticsPipeline Pipeline(
        LoadedModel loaded, ITransport transport, InputOptions input, OutputOptions output, PipelineSettings settings,
        DriftMonitor? watch = null, ShadowModel? shadow = null, IReadOnlyList<PayloadCodec>? codecs = null)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        ArgumentNullException.ThrowIfNull(transport);
        return new(
            transport.Source, new EventDecoder(input, codecs ?? []), loaded.Tokenizer, loaded.Model, new EventEncoder(output, loaded.Model.Identity, loaded.Generators?.Names),
            transport.Sink, settings, MetricsFor(transport.Names), Time, Loggers.CreateLogger<AnalyticsPipeline>(), watch, shadow, loaded.Generators);
    }

    // Instruments that are made again would be counted twice.
    private PipelineMetrics MetricsFor(MessagingNames names)
    {
        lock (_gate)
        {
            if (!_metrics.TryGetValue(names, out var metrics)) _metrics[names] = metrics = new(Meters, names);
            return metrics;
        }
    }
}
