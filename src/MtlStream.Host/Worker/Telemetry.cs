using System.Collections;
using MtlStream.Diagnostics;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

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
    private const string OwnNames = Instrumentation.Name + "*";

    /// <summary>The meter of the .NET runtime: processor time, memory, garbage collection, thread pool.</summary>
    private const string RuntimeMeter = "System.Runtime";

    /// <param name="scraped">Metrics are also, or only, kept for Prometheus to ask for.</param>
    public static void Add(HostApplicationBuilder builder, bool scraped)
    {
        builder.Services.AddSingleton<TelemetryTrouble>();
        builder.Services.AddSingleton<Exporters>().AddHostedService(provider => provider.GetRequiredService<Exporters>());
        // The SDK reads its variables from the host's configuration, which is empty otherwise.
        builder.Configuration.AddInMemoryCollection(
            from DictionaryEntry variable in Environment.GetEnvironmentVariables()
            where ((string)variable.Key).StartsWith("OTEL_", StringComparison.Ordinal)
            select new KeyValuePair<string, string?>((string)variable.Key, (string?)variable.Value));
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(Describe);
        var exported = Wanted("METRICS");
        if (exported || scraped) telemetry.WithMetrics(metrics => Measure(metrics, exported, scraped));
        if (Wanted("TRACES")) telemetry.WithTracing(Trace);
        if (Wanted("LOGS")) telemetry.WithLogging(logs => logs.AddOtlpExporter(), logs => logs.IncludeFormattedMessage = true);
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
    private static void Describe(ResourceBuilder resource) => resource.Clear()
        .AddService(
            "mtlstream", serviceVersion: typeof(Telemetry).Assembly.GetName().Version?.ToString(3),
            autoGenerateServiceInstanceId: false, serviceInstanceId: Environment.MachineName)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    private static void Measure(MeterProviderBuilder metrics, bool exported, bool scraped)
    {
        metrics.AddMeter(OwnNames, RuntimeMeter);
        if (exported) metrics.AddOtlpExporter();
        if (scraped) metrics.AddPrometheusExporter();
        if (Variable("OTEL_METRICS_EXEMPLAR_FILTER") is null) metrics.SetExemplarFilter(ExemplarFilterType.TraceBased);
    }

    private static void Trace(TracerProviderBuilder traces)
    {
        traces.AddSource(OwnNames).AddOtlpExporter();
        if (Variable("OTEL_TRACES_SAMPLER") is null) traces.SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(DefaultShare)));
    }

    /// <summary>What is exported at certain moments. Stops last, since it starts first, and is told what all others did.</summary>
    internal sealed class Exporters(IServiceProvider services) : IHostedService
    {
        /// <summary>A good part of what the process may take longer than the pipeline, <see cref="RunCommand.ShutdownMargin"/>.</summary>
        private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

        public Task StartAsync(CancellationToken cancellationToken)
        {
            if (Wanted("METRICS") || Wanted("TRACES") || Wanted("LOGS")) services.GetRequiredService<TelemetryTrouble>(); // listens from now on
            return Task.CompletedTask;
        }

        /// <summary>Sends the last values, of all signals side by side: a collector that does not answer is waited for once.</summary>
        public async Task StopAsync(CancellationToken cancellationToken)
        {
            var milliseconds = (int)s_patience.TotalMilliseconds;
            var metrics = services.GetService<MeterProvider>();
            var traces = services.GetService<TracerProvider>();
            var logs = services.GetService<LoggerProvider>();
            var sent = Task.WhenAll(
                Task.Run(() => metrics?.Shutdown(milliseconds), CancellationToken.None),
                Task.Run(() => traces?.Shutdown(milliseconds), CancellationToken.None),
                Task.Run(() => logs?.Shutdown(milliseconds), CancellationToken.None));
            await Task.WhenAny(sent, Task.Delay(s_patience, CancellationToken.None));
        }

        /// <summary>Has all metrics exported now, instead of when the first interval is over, and does not wait for it. A failure is the exporter's to tell.</summary>
        /// <remarks>To be called while the counters stand at 0: what was counted before its first export is no increase to Prometheus.</remarks>
        public void ExportMetrics()
        {
            if (services.GetService<MeterProvider>() is { } metrics) _ = Task.Run(() => metrics.ForceFlush((int)s_patience.TotalMilliseconds)); // which throws nothing
        }
    }
}
