using System.Net.Sockets;
using MtlStream.Delivery;

namespace MtlStream.Host.Diagnosis;

/// <summary>Looks whether somebody listens where telemetry is sent to.</summary>
internal static class TelemetryDiagnosis
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    public static async Task<Finding> FindAsync(Uri endpoint, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(s_patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(endpoint.Host, endpoint.Port, limit.Token);
            return new(Severity.Ok, "telemetry", $"{endpoint} answers");
        }
        catch (SocketException exception)
        {
            return Unreachable(endpoint, exception.Message);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return Unreachable(endpoint, $"no answer within {s_patience.TotalSeconds:0} s");
        }
    }

    private static Finding Unreachable(Uri endpoint, string reason) => new(
        Severity.Warning, "telemetry", $"{endpoint} cannot be reached: {reason}",
        "Correct OTEL_EXPORTER_OTLP_ENDPOINT, or start the Collector. Events do not wait for it; their telemetry is lost.");
}
