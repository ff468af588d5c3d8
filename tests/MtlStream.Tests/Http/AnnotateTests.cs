using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Tests.Doubles;
using MtlStream.Tests.Generation;
using MtlStream.Tests.Host;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Http;

/// <summary>Texts of requests, through the pipeline to their answers.</summary>
public sealed class AnnotateTests : IDisposable
{
    private static readonly string[] s_events = ["""{"id": 1, "text": "the cat, so happy"}""", """{"text": 7}""", "not json", "", """{"text": "Zoë \u0041 😀", "n": [1,2]}"""];

    private readonly SemaphoreSlim _free = new(0);

    public void Dispose() => _free.Dispose();

    /// <summary>A model that scores a batch when it is let.</summary>
    private TableModel Held => new() { Refuse = _ => Hold() };

    [Fact]
    public async Task A_request_asks_for_texts_by_its_header()
    {
        using var model = new EchoModel();
        using var generators = model.Generators("");
        await using var server = await ApiServer.StartAsync(generators: generators);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/annotate");
        request.Content = new StringContent("""{"text":"good"}""", Encoding.UTF8, "application/json");
        request.Headers.Add("mtlstream.generate", "echo");

        using var asked = await server.Client.SendAsync(request);
        using var other = await server.PostAsync("""{"text":"good"}""");

        Assert.Contains("\"echo\":{\"text\":\"good\"", await asked.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain("echo", await other.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_and_texts_get_the_bytes_that_annotate_writes()
    {
        using var package = new ToyPackage();
        string[] model = ["--model", package.Folder, "--device", "cpu"];
        using var process = OwnWorker.Start(package.Folder);
        using var client = new HttpClient { BaseAddress = await process.AddressAsync() };
        await process.ReadyAsync(client);

        var lines = string.Join('\n', s_events) + "\n";
        var annotated = await Cli.RunAsync(lines, ["annotate", "-", .. model]);
        var text = await Cli.RunAsync("so \"happy\" today\n", ["annotate", "-", "--format", "text", .. model]);
        var scored = await Cli.RunAsync(s_events[0] + "\n", ["annotate", "-", "--all-scores", .. model]);

        var answered = (await SendAsync(client, lines, "application/x-ndjson")).Split('\n');
        Assert.Equal(s_events.Length + 1, answered.Length);
        Assert.Equal(annotated.Lines, new[] { answered[0], answered[4] });
        Assert.Equal(annotated.Rejects.Select(Told), answered[1..4].Select(a => Told(JsonSerializer.Deserialize<JsonElement>(a))));
        Assert.Equal(annotated.Lines[0], await SendAsync(client, s_events[0], "application/json"));
        Assert.Equal($"[{annotated.Lines[0]},{annotated.Lines[1]}]", await SendAsync(client, $"[{s_events[0]},{s_events[4]}]", "application/json"));
        Assert.Equal(text.Lines[0], await SendAsync(client, "so \"happy\" today", "text/plain; charset=utf-8"));
        Assert.Equal($"[{text.Lines[0]}]", await SendAsync(client, """["so \"happy\" today"]""", "application/json"));
        Assert.Equal(scored.Lines[0], await SendAsync(client, s_events[0], "application/json", "/v1/annotate?scores=all"));
    }

    [Theory]
    [InlineData("""{"text": 7}""", "wrong_type")]
    [InlineData("""{"texts": "secret words"}""", "missing_text")]
    [InlineData("secret words", "malformed_payload")]
    public async Task A_rejected_event_says_why_and_repeats_no_text(string body, string reason)
    {
        await using var server = await ApiServer.StartAsync();

        using var answer = await server.PostAsync(body);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        var problem = await answer.Content.ReadAsStringAsync();
        Assert.Equal(reason, JsonSerializer.Deserialize<JsonElement>(problem).GetProperty("reason").GetString());
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("[{]", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("x", "image/png", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("x", "text/plain; charset=utf-16", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("\u001f", "application/json", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""["a","b","c","d","e"]""", "application/json", HttpStatusCode.RequestEntityTooLarge)]
    public async Task What_is_no_request_says_what_was_expected(string body, string type, HttpStatusCode status)
    {
        await using var server = await ApiServer.StartAsync(new() { MaxWaiting = 4 });

        using var answer = await server.PostAsync(body, type);

        Assert.Equal(status, answer.StatusCode);
        Assert.Contains("xpected", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_not_read()
    {
        await using var server = await ApiServer.StartAsync(new() { MaxBytes = 1000 });

        using var answer = await server.PostAsync(new string('x', 5000), "text/plain");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Contains("1000 bytes (Http:MaxBytes)", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_finds_no_room_is_told_when_to_come_again_and_what_waits_is_answered()
    {
        using var model = Held;
        await using var server = await ApiServer.StartAsync(new() { MaxWaiting = 8, Timeout = TimeSpan.FromMinutes(2) }, model);
        var waiting = new List<Task<HttpResponseMessage>>();
        HttpResponseMessage? refused = null;
        while (refused is null)
        {
            var next = server.PostAsync("""["a", "b", "c", "d"]""");
            var places = server.Desk.Now!.Plain.Count;
            await Wait.UntilAsync(() => next.IsCompleted || server.Desk.Now.Plain.Count > places);
            if (next.IsCompleted) refused = await next;
            else waiting.Add(next);
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter!.Delta);

        _free.Release(int.MaxValue / 2);
        foreach (var answer in await Task.WhenAll(waiting)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(4, Texts(server, "refused"));
        Assert.Equal(4 * waiting.Count, Texts(server, "answered"));
    }

    [Fact]
    public async Task Who_goes_away_frees_the_place()
    {
        using var model = Held;
        await using var server = await ApiServer.StartAsync(new() { MaxWaiting = 4, Timeout = TimeSpan.FromMinutes(2) }, model);
        using var away = new CancellationTokenSource();
        var waiting = new List<Task>();
        while (await FitsAsync(server, waiting, away.Token))
        {
        }

        await away.CancelAsync();
        await Wait.UntilAsync(() => waiting.TrueForAll(w => w.IsCompleted) && Texts(server, "called_off") == waiting.Count * 4);
        var later = server.PostAsync("""["a", "b", "c", "d"]""");
        _free.Release(int.MaxValue / 2);

        Assert.Equal(HttpStatusCode.OK, (await later).StatusCode);
    }

    [Fact]
    public async Task A_request_ends_with_its_time()
    {
        using var model = Held;
        await using var server = await ApiServer.StartAsync(new() { Timeout = TimeSpan.FromMilliseconds(100) }, model);

        using var answer = await server.PostAsync("a text", "text/plain");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Contains("0.1 s (Http:Timeout)", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(1, Texts(server, "timed_out"));
        _free.Release(int.MaxValue / 2);
    }

    [Fact]
    public async Task A_client_that_sends_no_end_is_not_waited_for()
    {
        await using var server = await ApiServer.StartAsync(new() { Timeout = TimeSpan.FromMilliseconds(200) });
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);

        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/annotate HTTP/1.1\r\nHost: {server.Client.BaseAddress.Authority}\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nso sl"));
        using var reader = new StreamReader(client.GetStream());

        Assert.Equal("HTTP/1.1 503 Service Unavailable", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task Before_the_model_is_loaded_requests_are_told_to_come_again()
    {
        await using var server = await ApiServer.StartAsync(opened: false);

        using var answer = await server.PostAsync("a text", "text/plain");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(2), answer.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task An_event_without_a_text_is_answered_as_the_settings_say()
    {
        await using var passed = await ApiServer.StartAsync(input: new() { WithoutText = TextlessEvents.Pass });
        await using var dropped = await ApiServer.StartAsync(input: new() { WithoutText = TextlessEvents.Drop });

        using var same = await passed.PostAsync("""{"id": 3}""");
        using var nothing = await dropped.PostAsync("""{"id": 3}""");

        Assert.Equal("""{"id": 3}""", await same.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);
        Assert.Equal("[null]", await (await dropped.PostAsync("""[{"id": 3}]""")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Binary_CloudEvents_are_told_by_their_headers()
    {
        await using var server = await ApiServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/annotate") { Content = new StringContent("""{"text": "cat"}""", Encoding.UTF8, "application/json") };
        foreach (var (name, value) in new[] { ("ce-id", "1"), ("ce-source", "/tests"), ("ce-type", "comment"), ("ce-specversion", "1.0") }) request.Headers.Add(name, value);

        using var answer = await server.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.StartsWith("""{"text": "cat","analysis":{""", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private InferenceException? Hold()
    {
        _free.Wait();
        return null;
    }

    private static async Task<bool> FitsAsync(ApiServer server, List<Task> waiting, CancellationToken away)
    {
        var places = server.Desk.Now!.Plain.Count;
        using var content = new StringContent("""["a", "b", "c", "d"]""", Encoding.UTF8, "application/json");
        var next = server.Client.PostAsync("/v1/annotate", content, away);
        await Wait.UntilAsync(() => next.IsCompleted || server.Desk.Now.Plain.Count > places);
        if (next.IsCompleted) return false;
        waiting.Add(next);
        return true;
    }

    private static double Texts(ApiServer server, string outcome) =>
        server.Meters.Of("mtlstream.http.texts").Where(t => t.Tags["mtlstream.outcome"] as string == outcome).Sum(t => t.Value);

    private static async Task<string> SendAsync(HttpClient client, string body, string type, string path = "/v1/annotate")
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type) } };
        using var answer = await client.PostAsync(path, content);
        return await answer.Content.ReadAsStringAsync();
    }

    private static string Told(JsonElement letter) =>
        $"{letter.GetProperty("line")} {letter.GetProperty("reason")} {letter.GetProperty("message")} {letter.GetProperty("payload")}";
}
