using System.Collections;
using System.Globalization;
using MtlStream.Text;

namespace MtlStream.Host.Configuration;

/// <summary>Looks at the variables of OpenTelemetry: its SDK says nothing about a wrong one, and sends nothing or elsewhere.</summary>
internal static class TelemetrySettings
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string DefaultEndpoint = "http://localhost:4317";
    private const string Grpc = "grpc";
    private const string Http = "http/protobuf";

    private static readonly string[] s_signals = ["METRICS", "TRACES", "LOGS"];
    private static readonly string[] s_protocols = [Grpc, Http];
    private static readonly string[] s_exporters = ["otlp", "none"];

    private static readonly string[] s_samplers =
        ["always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"];

    /// <summary>Variables that are times in milliseconds or counts.</summary>
    private static readonly string[] s_numbers =
    [
        "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    ];

    /// <summary>One sentence for each variable that does not do what somebody may think.</summary>
    public static IEnumerable<string> Check(IDictionary environment)
    {
        if (Is(environment, "OTEL_SDK_DISABLED", "true")) return [];
        return
        [
            .. ForEachSignal(Endpoint).Select(name => CheckEndpoint(environment, name)).OfType<string>(),
            .. ForEachSignal("OTEL_EXPORTER_OTLP_PROTOCOL").Select(name => CheckOneOf(environment, name, s_protocols)).OfType<string>(),
            .. s_signals.Select(signal => CheckOneOf(environment, $"OTEL_{signal}_EXPORTER", s_exporters)).OfType<string>(),
            .. new[] { CheckOneOf(environment, "OTEL_TRACES_SAMPLER", s_samplers) }.OfType<string>(),
            .. s_numbers.Select(name => CheckNumber(environment, name)).OfType<string>(),
        ];
    }

    /// <summary>Where telemetry is sent to, each address once; none where nothing is sent.</summary>
    public static IReadOnlyList<Uri> Endpoints(IDictionary environment)
    {
        var addresses =
            from signal in s_signals
            where Worker.Telemetry.Wanted(signal)
            let own = Value(environment, $"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") ?? Value(environment, Endpoint) ?? DefaultEndpoint
            where IsAddress(own)
            select new Uri(own);
        return [.. addresses.DistinctBy(a => (a.Host, a.Port))];
    }

    private static string? CheckEndpoint(IDictionary environment, string name)
    {
        if (Value(environment, name) is not { } value) return null;
        if (!IsAddress(value)) return $"{name} is '{value}', expected an address with http:// or https://, such as http://collector:4317. No telemetry arrives.";
        var protocol = Value(environment, name.Replace("ENDPOINT", "PROTOCOL", StringComparison.Ordinal)) ?? Value(environment, "OTEL_EXPORTER_OTLP_PROTOCOL") ?? Grpc;
        var expected = new Uri(value).Port switch { 4317 => Grpc, 4318 => Http, _ => protocol };
        if (expected == protocol || !s_protocols.Contains(protocol)) return null;
        return $"{name} is '{value}', whose port usually takes {expected}, and the protocol is {protocol}: set OTEL_EXPORTER_OTLP_PROTOCOL, or the other port.";
    }

    private static string? CheckOneOf(IDictionary environment, string name, string[] known)
    {
        if (Value(environment, name) is not { } value || known.Contains(value, StringComparer.OrdinalIgnoreCase)) return null;
        var instead = value.Equals("prometheus", StringComparison.OrdinalIgnoreCase) ? "; for Prometheus set Http:Metrics to true." : Nearest.Suggest(value, known);
        return $"{name} is '{value}', which this program does not know{instead}";
    }

    private static string? CheckNumber(IDictionary environment, string name)
    {
        if (Value(environment, name) is not { } value) return null;
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _) ? null : $"{name} is '{value}', expected a whole number; the default is taken.";
    }

    private static bool IsAddress(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);

    /// <summary>A variable for all signals, and those for one each.</summary>
    private static IEnumerable<string> ForEachSignal(string name) =>
        s_signals.Select(signal => name.Replace("OTLP_", $"OTLP_{signal}_", StringComparison.Ordinal)).Prepend(name);

    private static bool Is(IDictionary environment, string name, string value) => value.Equals(Value(environment, name), StringComparison.OrdinalIgnoreCase);

    private static string? Value(IDictionary environment, string name) => environment[name] is string { Length: > 0 } value ? value : null;
}
