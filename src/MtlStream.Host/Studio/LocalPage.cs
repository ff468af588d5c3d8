using System.Diagnostics;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Host.Worker;
using MtlStream.Http;
using MtlStream.Http.Api;
using MtlStream.Http.Live;
using MtlStream.Http.Requests;
using MtlStream.Monitoring;
using MtlStream.Serving;

namespace MtlStream.Host.Studio;

/// <summary>The page of a command on this machine, with texts: whoever started it sees them anyway. It does not own the model.</summary>
internal sealed class LocalPage : IAsyncDisposable
{
    private readonly HealthServer _server;
    private readonly LiveFeed _live;
    private readonly EventTally _tally;
    private readonly IAsyncDisposable _desk;

    private LocalPage(HealthServer server, LiveFeed live, EventTally tally, IAsyncDisposable desk, LoadedModel stream, DriftMonitor watch)
    {
        (_server, _live, _tally, _desk) = (server, live, tally, desk);
        (Stream, Watch) = (stream, watch);
    }

    /// <summary>Where it is.</summary>
    public Uri Address => _server.Address!;

    /// <summary>The model for a stream beside the page.</summary>
    public LoadedModel Stream { get; }

    /// <summary>Watches that stream, for the page.</summary>
    public DriftMonitor Watch { get; }

    /// <summary>Serves it; returns when it can be opened.</summary>
    /// <param name="port">0 for a free one.</param>
    /// <param name="against">Another version, to be tried beside; null for none.</param>
    /// <param name="input">How the stream's events are read.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<LocalPage> StartAsync(
        ToolServices tool, LoadedModel loaded, int port, InputOptions input, LoadedModel? against = null, IReviewer? reviewer = null)
    {
        var options = new HttpOptions { Url = $"http://127.0.0.1:{port}", Page = true, ShowTexts = true };
        var (meters, loggers, time) = (tool.Pipelines.Meters, tool.Loggers, tool.Time);
        var desk = new RequestDesk(options, meters, loggers, time);
        var share = new ModelShare(loaded.Model, options.Share, time);
        var open = desk.Open(loaded, share, () => loaded.Manifest, input, new OutputOptions(), against);
        var tasks = loaded.Model.Tasks;
        var watch = new DriftMonitor(
            meters, new WatchOptions(), tasks, loaded.Tokenizer.UnknownId, DriftMonitor.ReferenceOf(new WatchOptions(), loaded.Manifest.Reference, tasks));
        var live = new LiveFeed(options, input, desk, meters, time);
        var tally = new EventTally(time, loggers.CreateLogger<EventTally>(), live);
        var health = new WorkerHealth();
        var api = new HttpApi(options, desk, loggers.CreateLogger<HttpApi>(), live, reviewer);
        var server = new HealthServer(options, health, new WorkerReport(health, tally), loggers.CreateLogger<HealthServer>(), api: api);
        var page = new LocalPage(server, live, tally, open, loaded with { Model = share.Stream }, watch);
        try
        {
            await server.StartAsync(CancellationToken.None);
            await live.StartAsync(CancellationToken.None);
            return page;
        }
        catch
        {
            await page.DisposeAsync();
            throw;
        }
    }

    /// <summary>A transport whose answers the page is told of. Owns the one that it is about.</summary>
    public ITransport Watched(ITransport transport)
    {
        _live.Reads(() => transport.Lags);
        return new TalliedTransport(transport, _tally);
    }

    /// <summary>Opens it in a browser where there is a screen; says nothing where that fails.</summary>
    public void OpenInBrowser()
    {
        var screens = new[] { "DISPLAY", "WAYLAND_DISPLAY" };
        if (!screens.Any(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 })) return;
        try
        {
            using var browser = Process.Start(new ProcessStartInfo("xdg-open", [Address.ToString()]) { RedirectStandardError = true, RedirectStandardOutput = true });
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or IOException)
        {
            // its address is printed
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _live.StopAsync(CancellationToken.None);
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2))) await _server.StopAsync(patience.Token);
        await _server.DisposeAsync();
        await _desk.DisposeAsync();
        _live.Dispose();
    }
}
