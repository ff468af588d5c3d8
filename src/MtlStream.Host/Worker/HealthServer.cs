using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server.Features;
using MtlStream.Http;
using OpenTelemetry.Metrics;

namespace MtlStream.Host.Worker;

/// <summary>
/// Answers <c>/health/startup</c>, <c>/health/ready</c> and <c>/health/live</c>: 200, or 503 with what is missing. To who asks from this
/// machine also <c>/status</c>, which names topics; and, where the settings say so, <c>/metrics</c> and what requests are about.
/// </summary>
/// <param name="metrics">What Prometheus reads; null where there are no metrics.</param>
/// <param name="api">What else is served; null for nothing.</param>
internal sealed class HealthServer(
    HttpOptions options, WorkerHealth health, WorkerReport report, ILogger<HealthServer> logger, MeterProvider? metrics = null, HttpApi? api = null)
    : IHostedService, IAsyncDisposable
{
    private const int MostConnections = 1024;

    /// <summary>Below it somebody only holds a connection.</summary>
    private const double LeastBytesPerSecond = 240;

    private WebApplication? _server;

    /// <summary>Who sends no end of the headers, or next to nothing of the body, holds no connection for longer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where it listens, the port filled in; null before the start.</summary>
    public Uri? Address { get; private set; }

    /// <exception cref="IOException">The address is taken, or none of this machine; the message names the setting.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRouting();
        builder.WebHost.UseKestrelCore().UseUrls(options.Url).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = MostConnections;
            kestrel.Limits.RequestHeadersTimeout = Patience;
            kestrel.Limits.MinRequestBodyDataRate = new(LeastBytesPerSecond, Patience);
        });
        _server = builder.Build();
        if (options.Metrics) _server.UseOpenTelemetryPrometheusScrapingEndpoint(metrics, null, "/metrics", null, null);
        api?.Map(_server);
        _server.Map("/{**path}", (RequestDelegate)AnswerAsync);
        await ListenAsync(_server, cancellationToken);
        Address = new(_server.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>()
            .Features.Get<IServerAddressesFeature>()!.Addresses.First());
        logger.HealthListening(Address);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    private async Task ListenAsync(WebApplication server, CancellationToken stopping)
    {
        try
        {
            await server.StartAsync(stopping);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            var reason = (exception.GetBaseException() as SocketException)?.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"the port is taken by {ListeningPort.Holder(options.Port) ?? "another process"}",
                SocketError.AddressNotAvailable => "this machine has no such address",
                SocketError.AccessDenied => "ports below 1024 need a right that this user has not",
                _ => exception.GetBaseException().Message.TrimEnd('.'),
            };
            throw new IOException($"Http:Url: {options.Url} cannot be listened on: {reason}. Set it to another address, to port 0, or to off.", exception);
        }
    }

    private Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Path == WorkerReport.Path && HttpMethods.IsGet(context.Request.Method) && IsFromHere(context.Connection))
        {
            context.Response.Headers.CacheControl = "no-store";
            return context.Response.WriteAsJsonAsync(report.Now(), context.RequestAborted);
        }

        Func<string?>? probe = context.Request.Path.Value switch
        {
            "/health/startup" => health.Startup,
            "/health/ready" => health.Ready,
            "/health/live" => health.Live,
            _ => null,
        };
        if (probe is null || !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        var missing = probe();
        context.Response.StatusCode = missing is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(new Answer(missing is null ? "ok" : "unavailable", missing), context.RequestAborted);
    }

    /// <summary>True for a connection from this machine.</summary>
    internal static bool IsFromHere(ConnectionInfo connection) =>
        connection.RemoteIpAddress is { } from && (IPAddress.IsLoopback(from) || from.Equals(connection.LocalIpAddress));

    private sealed record Answer(string Status, string? Reason);
}
