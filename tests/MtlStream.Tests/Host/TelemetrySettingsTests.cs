using System.Collections;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Diagnosis;
using MtlStream.Host.Worker;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace MtlStream.Tests.Host;

/// <summary>What is said where telemetry goes nowhere: the SDK is silent.</summary>
public sealed class TelemetrySettingsTests
{
    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "expected an address with http:// or https://, such as http://collector:4317.")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "expected an address with http:// or https://")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector:4317", "expected an address with http:// or https://")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "whose port usually takes http/protobuf, and the protocol is grpc")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuff", "is 'http/protobuff', which this program does not know; did you mean http/protobuf?")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "which this program does not know")]
    [InlineData("OTEL_METRICS_EXPORTER", "oltp", "did you mean otlp?")]
    [InlineData("OTEL_METRICS_EXPORTER", "prometheus", "for Prometheus set Http:Metrics to true.")]
    [InlineData("OTEL_TRACES_SAMPLER", "parentbased_ratio", "which this program does not know")]
    [InlineData("OTEL_METRIC_EXPORT_INTERVAL", "10s", "is '10s', expected a whole number; the default is taken.")]
    public void A_variable_that_does_not_do_what_it_says_is_one_warning(string name, string value, string expected)
    {
        var warning = Assert.Single(TelemetrySettings.Check(new Hashtable { [name] = value }));

        Assert.StartsWith($"{name} is '{value}', ", warning, StringComparison.Ordinal);
        Assert.Contains(expected, warning, StringComparison.Ordinal);
        Assert.Empty(TelemetrySettings.Check(new Hashtable { [name] = value, ["OTEL_SDK_DISABLED"] = "true" }));
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")]
    [InlineData("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://collector:4318 OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=https://gateway.example/otlp OTEL_TRACES_SAMPLER=always_on OTEL_METRICS_EXPORTER=none OTEL_BSP_MAX_QUEUE_SIZE=4096")]
    public void What_is_right_is_not_warned_of(string variables) =>
        Assert.Empty(TelemetrySettings.Check(variables.Split(' ').Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1])));

    [Fact]
    public void A_collector_that_cannot_be_reached_is_one_warning_an_hour()
    {
        var (time, log) = (new FakeTimeProvider(), new FakeLogger<TelemetryTrouble>());
        using var trouble = new TelemetryTrouble(time, log);
        using var meter = new Meter("telemetry settings tests");
        var counter = meter.CreateCounter<int>("any");
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter(meter.Name)
            .AddOtlpExporter(otlp => otlp.Endpoint = new($"http://127.0.0.1:{FreePort()}")).Build();

        for (var i = 0; i < 3; i++) Export();
        var record = Assert.Single(log.Collector.GetSnapshot());
        time.Advance(TimeSpan.FromHours(1));
        Export();

        Assert.Equal(LogLevel.Warning, record.Level);
        Assert.Matches("^Telemetry cannot be sent: Connection refused.*\\. Events do not wait for it", record.Message);
        Assert.Equal(2, log.Collector.Count);

        void Export()
        {
            counter.Add(1);
            provider.ForceFlush();
        }
    }

    [Fact]
    public async Task Doctor_asks_where_telemetry_is_sent_to()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        Assert.Equal(Severity.Ok, (await TelemetryDiagnosis.FindAsync(new($"http://{listener.LocalEndpoint}"), default)).Severity);
        foreach (var (address, reason) in new[] { ($"http://127.0.0.1:{FreePort()}", "Connection refused"), ("http://collector.invalid:4317", "collector.invalid:4317/ cannot be reached: ") })
        {
            var finding = await TelemetryDiagnosis.FindAsync(new(address), default);
            Assert.Equal(Severity.Warning, finding.Severity);
            Assert.Contains(reason, finding.Found, StringComparison.Ordinal);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
