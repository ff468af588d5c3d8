using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Serving;

namespace MtlStream;

/// <summary>Puts pipelines together, the same way for every command, with what all pipelines of a process share.</summary>
/// <param name="names">What metrics and traces call the two ends.</param>
public sealed class PipelineAssembly(ILoggerFactory loggers, IMeterFactory meters, TimeProvider time, MessagingNames names)
{
    private PipelineMetrics? _metrics;

    public TimeProvider Time { get; } = time;
    public ILoggerFactory Loggers { get; } = loggers;
    public IMeterFactory Meters { get; } = meters;

    public AnalyticsPipeline Pipeline(
        LoadedModel loaded, IEventSource source, IOutboundSink sink, InputOptions input, OutputOptions output, PipelineSettings settings,
        DriftMonitor? watch = null, ShadowModel? shadow = null)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        return new(
            source, new EventDecoder(input), loaded.Tokenizer, loaded.Model, new EventEncoder(output, loaded.Model.Identity),
            sink, settings, _metrics ??= new(Meters, names), Time, Loggers.CreateLogger<AnalyticsPipeline>(), watch, shadow);
    }
}
