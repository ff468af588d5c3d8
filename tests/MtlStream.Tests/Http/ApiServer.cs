using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Host.Worker;
using MtlStream.Http;
using MtlStream.Http.Api;
using MtlStream.Http.Live;
using MtlStream.Http.Requests;
using MtlStream.Serving;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Http;

/// <summary>The worker's address as it is served, in front of a model without a graph.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly ToyPackage _package = new();
    private readonly HealthServer _server;
    private readonly IAsyncDisposable? _open;

    private ApiServer(
        HttpOptions options, TableModel model, InputOptions input, bool opened, bool live, TimeSpan? patience, IModelTrials? trials,
        TextGenerators? generators)
    {
        Options = options;
        Desk = new(options, Meters, NullLoggerFactory.Instance, TimeProvider.System);
        Live = live ? new(options, input, Desk, Meters, TimeProvider.System) : null;
        var health = new WorkerHealth();
        var report = new WorkerReport(health, new(TimeProvider.System, NullLogger<EventTally>.Instance));
        _server = new(options, health, report, NullLogger<HealthServer>.Instance, api: new HttpApi(options, Desk, NullLogger<HttpApi>.Instance, Live, trials: trials))
        {
            Patience = patience ?? TimeSpan.FromMinutes(1),
        };
        var manifest = _package.Manifest();
        var loaded = new LoadedModel(manifest, model, TextTokenizer.Load(manifest.Tokenizer, new TokenizationOptions())) { Generators = generators };
        Share = new(model, options.Share, TimeProvider.System);
        if (opened) _open = Desk.Open(loaded, Share, () => manifest, input, new OutputOptions());
    }

    public HttpOptions Options { get; }

    public RequestDesk Desk { get; }

    public ModelShare Share { get; }

    /// <summary>Looks when it is told to.</summary>
    public LiveFeed? Live { get; }

    public MeterRecorder Meters { get; } = new();

    public HttpClient Client { get; } = new();

    /// <param name="opened">Whether the model is loaded.</param>
    /// <param name="patience">With clients that are slow.</param>
    public static async Task<ApiServer> StartAsync(
        HttpOptions? options = null, TableModel? model = null, InputOptions? input = null, bool opened = true, bool live = false, TimeSpan? patience = null,
        IModelTrials? trials = null, TextGenerators? generators = null)
    {
        options ??= new();
        var server = new ApiServer(options with { Url = "http://127.0.0.1:0", Annotate = true }, model ?? new(), input ?? new(), opened, live, patience, trials, generators);
        await server._server.StartAsync(CancellationToken.None);
        server.Client.BaseAddress = server._server.Address;
        return server;
    }

    public Task<HttpResponseMessage> PostAsync(string body, string type = "application/json", string path = "/v1/annotate") =>
        Client.PostAsync(path, new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = MediaTypeHeaderValue.Parse(type) } });

    public async ValueTask DisposeAsync()
    {
        if (_open is not null) await _open.DisposeAsync();
        await _server.StopAsync(CancellationToken.None);
        await _server.DisposeAsync();
        Live?.Dispose();
        Client.Dispose();
        Meters.Dispose();
        _package.Dispose();
    }
}
