using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using System.Diagnostics.Metrics;
using MtlStream.Events;
using MtlStream.Http.Live;
using MtlStream.Http.Requests;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Http;

/// <summary>What the page is told of the stream.</summary>
public sealed class LiveTests : IDisposable
{
    private const string Result = """{"text":"Secret Berlin","analysis":{"tasks":{"mood":{"label":"high","score":0.9},"names":{"spans":[{"start":7,"end":13,"label":"LOC","score":0.9}]}}}}""";

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task A_look_tells_rates_reasons_lag_and_labels()
    {
        var meters = _services.GetRequiredService<IMeterFactory>();
        using var feed = Feed(meters, showTexts: false);
        feed.Reads(() => [new("in", 0, 7), new("in", 1, 5)]);
        var metrics = new PipelineMetrics(meters);
        metrics.EventPublished(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() - 40, TimeProvider.System);
        metrics.EventProcessed(Make.Record(0, "x"), TimeProvider.System, "empty_text");

        var now = await LookAsync(feed);

        Assert.Equal((1, 1), (now.GetProperty("point").GetProperty("published").GetInt32(), now.GetProperty("point").GetProperty("rejected").GetInt32()));
        Assert.InRange(now.GetProperty("point").GetProperty("p50").GetDouble(), 40, 60_000);
        Assert.Equal(12, now.GetProperty("point").GetProperty("lag").GetInt32());
        Assert.Equal(1, now.GetProperty("rejected").GetProperty("empty_text").GetInt32());
        Assert.Equal(0, (await LookAsync(feed)).GetProperty("point").GetProperty("published").GetInt32());
        Assert.Equal(2, JsonSerializer.Deserialize<JsonElement>(feed.History).GetProperty("points").GetArrayLength());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Texts_of_the_stream_are_shown_where_the_settings_say_so_and_else_their_shape(bool showTexts)
    {
        using var feed = Feed(_services.GetRequiredService<IMeterFactory>(), showTexts);
        feed.Take(new(Destination.Results, Encoding.UTF8.GetBytes(Result), [], Make.Record(0, Result)));

        var told = (await LookAsync(feed)).GetProperty("results")[0];

        Assert.Equal(showTexts, told.GetRawText().Contains("Secret", StringComparison.Ordinal));
        if (showTexts) Assert.Equal("Secret Berlin", told.GetProperty("text").GetString());
        else Assert.Equal("""{"mood":["high"],"names":["LOC"]}""", told.GetProperty("shape").GetRawText());
    }

    [Fact]
    public async Task The_events_begin_with_what_was_and_go_on_with_what_is()
    {
        await using var server = await ApiServer.StartAsync(new() { Page = true }, live: true);
        server.Live!.Look();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/live");
        using var answer = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());

        Assert.Equal("retry: 2000", await reader.ReadLineAsync());
        Assert.Equal("", await reader.ReadLineAsync());
        Assert.Equal("event: history", await reader.ReadLineAsync());
        Assert.StartsWith("data: {\"points\":[{\"t\":", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("", await reader.ReadLineAsync());
        var line = reader.ReadLineAsync();
        await Wait.UntilAsync(() =>
        {
            server.Live.Look(); // until the page waits for the next one
            return line.IsCompleted;
        });
        Assert.Equal("event: now", await line);
    }

    private static async Task<JsonElement> LookAsync(LiveFeed feed)
    {
        var next = feed.NextAsync();
        feed.Look();
        return JsonSerializer.Deserialize<JsonElement>(await next);
    }

    private static LiveFeed Feed(IMeterFactory meters, bool showTexts)
    {
        var options = new MtlStream.Http.HttpOptions { Page = true, ShowTexts = showTexts };
        return new(options, new InputOptions(), new RequestDesk(options, meters, NullLoggerFactory.Instance, TimeProvider.System), meters, TimeProvider.System);
    }
}
