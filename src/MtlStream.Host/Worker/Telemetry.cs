using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace MtlStream.Host.Worker;

/// <summary>Metrics, traces and logs over OTLP, when the standard <c>OTEL_*</c> variables ask for it.</summary>
internal static class Telemetry
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Wildcard for the meters and activity sources of all projects.</summary>
    private const string OwnNames = "MtlStream*";

    public static void Add(HostApplicationBuilder builder)
    {
        if (Wanted("METRICS") || Wanted("TRACES")) builder.Services.AddHostedService<Exporters>();
        if (!Wanted("LOGS")) return;
        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.SetResourceBuilder(Resource());
            logs.IncludeFormattedMessage = true;
            logs.AddOtlpExporter();
        });
    }

    /// <param name="signal"><c>METRICS</c>, <c>TRACES</c> or <c>LOGS</c>.</param>
    internal static bool Wanted(string signal) =>
        (Variable(Endpoint) ?? Variable($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")) is not null
        && !"true".Equals(Variable("OTEL_SDK_DISABLED"), StringComparison.OrdinalIgnoreCase)
        && !"none".Equals(Variable($"OTEL_{signal}_EXPORTER"), StringComparison.OrdinalIgnoreCase);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come after and win.
    private static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddService("mtlstream", serviceVersion: typeof(Telemetry).Assembly.GetName().Version?.ToString(3))
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    /// <summary>Starts before the pipeline and is flushed after it.</summary>
    private sealed class Exporters : IHostedService, IDisposable
    {
        private MeterProvider? _metrics;
        private TracerProvider? _traces;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            if (Wanted("METRICS"))
                _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Resource()).AddMeter(OwnNames).AddOtlpExporter().Build();
            if (Wanted("TRACES"))
                _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(Resource()).AddSource(OwnNames).AddOtlpExporter().Build();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        // The last values are sent here.
        public void Dispose()
        {
            _metrics?.Dispose();
            _traces?.Dispose();
        }
    }
}
