using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Host;
using MtlStream.Host.Worker;

namespace MtlStream.Tests.Host;

#pragma warning disable CA1001 // disposed by IAsyncLifetime
public sealed class HealthServerTests : IAsyncLifetime
{
#pragma warning restore CA1001
    private readonly WorkerHealth _health = new();
    private readonly HttpClient _client = new();
    private readonly HealthServer _server;
    private readonly BrokenTransport _transport = new();

    public HealthServerTests()
    {
        _server = new(new() { Url = "http://127.0.0.1:0" }, _health, NewReport(), NullLogger<HealthServer>.Instance);
    }

    public async Task InitializeAsync()
    {
        await _server.StartAsync(CancellationToken.None);
        _client.BaseAddress = _server.Address;
    }

    public async Task DisposeAsync()
    {
        await _server.StopAsync(CancellationToken.None);
        await _server.DisposeAsync();
        _client.Dispose();
    }

    [Fact]
    public async Task Before_the_model_is_warm_the_worker_lives_and_has_not_started()
    {
        Assert.Equal((503, 503, 200), await ProbeAsync());
    }

    [Fact]
    public async Task A_broker_that_is_away_makes_the_worker_unready_and_nothing_else()
    {
        _health.Serving(_transport);

        Assert.Equal((200, 200, 200), await ProbeAsync());

        _transport.NotReadyBecause = "not connected";
        Assert.Equal((200, 503, 200), await ProbeAsync());
        Assert.Contains("not connected", await (await _client.GetAsync("/health/ready")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_drains_is_alive_and_not_ready()
    {
        _health.Serving(_transport);

        _health.Draining();

        Assert.Equal((200, 503, 200), await ProbeAsync());
    }

    [Fact]
    public async Task A_failed_pipeline_is_not_alive()
    {
        _health.Serving(_transport);

        _health.Failed("a stage failed");

        Assert.Equal((503, 503, 503), await ProbeAsync());
    }

    [Fact]
    public async Task A_client_that_does_not_come_back_ends_the_life_of_a_worker_in_the_end()
    {
        _health.Serving(_transport);
        Assert.Equal((200, 200, 200), await ProbeAsync());

        _transport.LostFor = TimeSpan.FromMinutes(7);

        Assert.Equal((200, 200, 503), await ProbeAsync());
        Assert.Contains("7 minutes", await (await _client.GetAsync("/health/live")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/health")]
    [InlineData("/health/ready/more")]
    [InlineData("/metrics")]
    public async Task Nothing_else_is_served(string path) =>
        Assert.Equal(HttpStatusCode.NotFound, (await _client.GetAsync(path)).StatusCode);

    [Fact]
    public async Task A_port_that_is_taken_is_one_line_with_the_setting_and_who_holds_it()
    {
        var message = await FailureAsync(_server.Address!.ToString().TrimEnd('/'));

        Assert.Equal(
            $"Http:Url: {_server.Address.ToString().TrimEnd('/')} cannot be listened on: the port is taken by process {Environment.ProcessId} " +
            $"({File.ReadAllText("/proc/self/comm").Trim()}). Set it to another address, to port 0, or to off.", message);
    }

    [Fact]
    public async Task An_address_of_another_machine_is_named_with_the_setting() => Assert.Equal(
        "Http:Url: http://192.0.2.1:8080 cannot be listened on: this machine has no such address. Set it to another address, to port 0, or to off.",
        await FailureAsync("http://192.0.2.1:8080"));

    [Fact]
    public async Task The_status_of_a_worker_that_has_not_started_says_so()
    {
        using var json = System.Text.Json.JsonDocument.Parse(await _client.GetStringAsync("/status"));

        Assert.Equal("starting", json.RootElement.GetProperty("state").GetString());
        Assert.Equal("the model is being loaded and warmed up", json.RootElement.GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("10.1.2.3", true)] // its own
    [InlineData("10.1.2.4", false)]
    [InlineData(null, false)]
    public void The_status_which_names_topics_is_for_its_own_machine(string? from, bool expected)
    {
        var connection = new DefaultHttpContext().Connection;
        connection.RemoteIpAddress = from is null ? null : IPAddress.Parse(from);
        connection.LocalIpAddress = IPAddress.Parse("10.1.2.3");

        Assert.Equal(expected, HealthServer.IsFromHere(connection));
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8080/")]
    [InlineData("http://0.0.0.0:8080", "http://127.0.0.1:8080/")]
    [InlineData("http://[::]:80", "http://127.0.0.1/")]
    [InlineData("http://*:8081", "http://127.0.0.1:8081/")]
    [InlineData("http://worker:8081", "http://127.0.0.1:8081/")]
    [InlineData("http://localhost:8081", "http://localhost:8081/")]
    [InlineData("http://[::1]:8081", "http://[::1]:8081/")]
    public void A_worker_is_asked_where_it_listens(string url, string expected) =>
        Assert.Equal(new(expected), StatusCommand.AddressOf(new() { Url = url }));

    [Theory]
    [InlineData("off", "Http:Url is off")]
    [InlineData("http://127.0.0.1:0", "expected the port that the worker took")]
    public void A_worker_without_a_known_address_is_not_asked(string url, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => StatusCommand.AddressOf(new() { Url = url })).Message, StringComparison.Ordinal);

    private WorkerReport NewReport() => new(_health, new(TimeProvider.System, NullLogger<EventTally>.Instance));

    private async Task<string> FailureAsync(string url)
    {
        await using var second = new HealthServer(new() { Url = url }, _health, NewReport(), NullLogger<HealthServer>.Instance);
        return (await Assert.ThrowsAsync<IOException>(() => second.StartAsync(CancellationToken.None))).Message;
    }

    private async Task<(int Startup, int Ready, int Live)> ProbeAsync()
    {
        var codes = new List<int>();
        foreach (var probe in new[] { "startup", "ready", "live" })
            codes.Add((int)(await _client.GetAsync("/health/" + probe)).StatusCode);
        return (codes[0], codes[1], codes[2]);
    }

    private sealed class BrokenTransport : ITransport
    {
        public IEventSource Source => throw new NotSupportedException();
        public IOutboundSink Sink => throw new NotSupportedException();
        public MessagingNames Names => MessagingNames.InProcess;
        public string? NotReadyBecause { get; set; }
        public TimeSpan? LostFor { get; set; }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
