using System.Collections;
using MtlStream.Diagnostics;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OpenTelemetry;

namespace MtlStream.Host.Worker;

/// <summary>Metrics, traces and logs over OTLP, when the standard <c>OTEL_*</c> variables ask for it.</summary>
/// <remarks>
/// Differs from the specification's defaults in two points, both open to the variables: nothing is exported until an endpoint or
/// the exporter <c>otlp</c> is named, and traces that begin here are sampled at <see cref="DefaultShare"/> instead of all of them.
/// </remarks>
internal static class Telemetry
{
    /// <summary>Share of the events without a trace of their own that get one. <c>OTEL_TRACES_SAMPLER</c> overrides it.</summary>
    public const double DefaultShare = 0.001;

    /// <summary>Wildcard for the meters and activity sources of all projects.</summary>
    private const string OwnNames = PipelineMetrics.MeterName + "*";

    /// <summary>The meter of the .NET runtime: processor time, memory, garbage collection, thread pool.</summary>
    private const string RuntimeMeter = "System.Runtime";

    public static void Add(HostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Exporters>().AddHostedService(provider => provider.GetRequiredService<Exporters>());
        if (!Wanted("LOGS")) return;

        // The logs' exporter reads its variables from the host's configuration, which is empty otherwise.
        builder.Configuration.AddInMemoryCollection(
            from DictionaryEntry variable in Environment.GetEnvironmentVariables()
            where ((string)variable.Key).StartsWith("OTEL_", StringComparison.Ordinal)
            select new KeyValuePair<string, string?>((string)variable.Key, (string?)variable.Value));
        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.SetResourceBuilder(Resource());
            logs.IncludeFormattedMessage = true;
            logs.AddOtlpExporter();
        });
    }

    /// <param name="signal"><c>METRICS</c>, <c>TRACES</c> or <c>LOGS</c>.</param>
    internal static bool Wanted(string signal)
    {
        if ("true".Equals(Variable("OTEL_SDK_DISABLED"), StringComparison.OrdinalIgnoreCase)) return false;
        if (Variable($"OTEL_{signal}_EXPORTER") is { } exporter) return exporter.Equals("otlp", StringComparison.OrdinalIgnoreCase);
        return (Variable("OTEL_EXPORTER_OTLP_ENDPOINT") ?? Variable($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")) is not null;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come after and win.
    private static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddService(
            "mtlstream", serviceVersion: typeof(Telemetry).Assembly.GetName().Version?.ToString(3),
            autoGenerateServiceInstanceId: false, serviceInstanceId: Environment.MachineName)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    private static MeterProvider Metrics()
    {
        var builder = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Resource()).AddMeter(OwnNames, RuntimeMeter);
        if (Variable("OTEL_METRICS_EXEMPLAR_FILTER") is null) builder.SetExemplarFilter(ExemplarFilterType.TraceBased);
        return builder.AddOtlpExporter().Build();
    }

    private static TracerProvider Traces()
    {
        var builder = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(Resource()).AddSource(OwnNames);
        if (Variable("OTEL_TRACES_SAMPLER") is null) builder.SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(DefaultShare)));
        return builder.AddOtlpExporter().Build();
    }

    /// <summary>Starts before the pipeline and is flushed after it. Does nothing for a signal that is not wanted.</summary>
    internal sealed class Exporters : IHostedService, IDisposable
    {
        private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

        private MeterProvider? _metrics;
        private TracerProvider? _traces;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            if (Wanted("METRICS")) _metrics = Metrics();
            if (Wanted("TRACES")) _traces = Traces();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        /// <summary>Has all metrics exported now, instead of when the first interval is over, and does not wait for it. A failure is the exporter's to tell.</summary>
        /// <remarks>To be called while the counters stand at 0: what was counted before its first export is no increase to Prometheus.</remarks>
        public void ExportMetrics()
        {
            if (_metrics is { } metrics) _ = Task.Run(() => metrics.ForceFlush((int)s_patience.TotalMilliseconds)); // which throws nothing
        }

        // The last values are sent here.
        public void Dispose()
        {
            _metrics?.Dispose();
            _traces?.Dispose();
        }
    }
}
