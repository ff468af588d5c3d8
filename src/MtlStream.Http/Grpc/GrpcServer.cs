using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MtlStream.Http.Api;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Grpc;

/// <summary>Serves gRPC at an address of its own: without TLS a port speaks either HTTP/1.1 or HTTP/2.</summary>
public sealed class GrpcServer(HttpOptions options, RequestDesk desk, ILogger<GrpcServer> logger) : IHostedService, IAsyncDisposable
{
    private WebApplication? _server;

    /// <summary>Where it listens, the port filled in; null before the start.</summary>
    public Uri? Address { get; private set; }

    /// <exception cref="IOException">The address cannot be listened on; the message names the setting.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRouting();
        builder.Services.AddSingleton(desk);
        builder.Services.AddSingleton(new AccessRules(options));
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = options.MaxBytes);
        builder.WebHost.UseKestrelCore().UseUrls(options.GrpcUrl).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2);
        });
        _server = builder.Build();
        _server.MapGrpcService<InferenceService>();
        _server.MapGrpcService<HealthService>();
        try
        {
            await _server.StartAsync(cancellationToken);
        }
        catch (IOException exception)
        {
            throw new IOException($"Http:GrpcUrl: {options.GrpcUrl} cannot be listened on: {exception.GetBaseException().Message.TrimEnd('.')}. Set it to another address, or to off.", exception);
        }

        Address = new(_server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        logger.GrpcListening(Address);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}
