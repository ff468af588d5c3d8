using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MtlStream.Tests.Http;

/// <summary>Clients that hold connections and do nothing with them.</summary>
public sealed class SlowClientTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1.5), s_deadline = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("GET /v1/model HT")]
    [InlineData("GET /v1/model HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: a")]
    public async Task Who_sends_no_end_of_the_headers_is_let_go(string sent)
    {
        await using var server = await ApiServer.StartAsync(patience: s_patience);
        using var client = await ConnectAsync(server);

        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(sent));
        using var reader = new StreamReader(client.GetStream());
        var answer = await reader.ReadToEndAsync().WaitAsync(s_deadline);

        Assert.DoesNotContain("HTTP/1.1 200", answer, StringComparison.Ordinal); // 408, or nothing
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/v1/model")).StatusCode);
    }

    [Fact]
    public async Task Who_sends_a_body_byte_by_byte_is_let_go()
    {
        await using var server = await ApiServer.StartAsync(new() { Timeout = TimeSpan.FromMinutes(1) }, patience: s_patience);
        using var client = await ConnectAsync(server);
        var head = $"POST /v1/annotate HTTP/1.1\r\nHost: {server.Client.BaseAddress!.Authority}\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n";

        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
        using var ends = new CancellationTokenSource();
        var drips = DripAsync(client.GetStream(), ends.Token);
        using var reader = new StreamReader(client.GetStream());
        var status = await reader.ReadLineAsync().WaitAsync(s_deadline);
        await ends.CancelAsync();
        await drips;

        Assert.Equal("HTTP/1.1 408 Request Timeout", status);
    }

    [Fact]
    public async Task Who_asks_and_takes_no_answer_holds_up_nobody_else()
    {
        await using var server = await ApiServer.StartAsync();
        var asks = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"GET /openapi.json HTTP/1.1\r\nHost: {server.Client.BaseAddress!.Authority}\r\n\r\n", 1000)));
        var clients = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ConnectAsync(server)));
        var floods = clients.Select(client => client.GetStream().WriteAsync(asks).AsTask()).ToList();

        using var answer = await server.PostAsync("a text", "text/plain");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        foreach (var client in clients) client.Dispose();
        foreach (var flood in floods) await flood.ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private static async Task<TcpClient> ConnectAsync(ApiServer server)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
        return client;
    }

    private static async Task DripAsync(NetworkStream stream, CancellationToken ends)
    {
        try
        {
            while (!ends.IsCancellationRequested)
            {
                await stream.WriteAsync("a"u8.ToArray(), ends);
                await Task.Delay(100, ends);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // it was let go
        }
    }
}
