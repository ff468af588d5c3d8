using System.Net.Sockets;
using MtlStream.Delivery;
using MtlStream.Host.Worker;
using MtlStream.Http;

namespace MtlStream.Host.Diagnosis;

/// <summary>Looks whether the address of the health endpoints is free.</summary>
internal static class HttpDiagnosis
{
    public static Finding Find(HttpOptions options)
    {
        if (options.IsOff) return new(Severity.Ok, "http", "off: there are no health endpoints");
        var port = options.Port;
        if (port == 0) return new(Severity.Ok, "http", $"{options.Url}: a free port is taken and logged");
        try
        {
            using var listener = new TcpListener(System.Net.IPAddress.Any, port);
            listener.ExclusiveAddressUse = true;
            listener.Start();
            return new(Severity.Ok, "http", $"{options.Url} is free");
        }
        catch (SocketException exception)
        {
            var reason = ListeningPort.Holder(port) is { } holder ? $"the port is taken by {holder}" : exception.Message;
            return new(
                Severity.Warning, "http", $"{options.Url} cannot be listened on: {reason}",
                "Fine when a worker is already running here; else set Http:Url to a free address, to port 0, or to off.");
        }
    }
}
