using System.Net;
using System.Text;
using System.Text.Json;
using MtlStream.Host.Configuration;

namespace MtlStream.Tests.Http;

/// <summary>Who may ask, and what they are told.</summary>
public sealed class AccessTests
{
    private const string Token = "0123456789abcdef-secret";

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-origin", HttpStatusCode.OK)]
    [InlineData("Origin", "https://example.com", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "null", HttpStatusCode.Forbidden)]
    [InlineData("Host", "example.com:8080", HttpStatusCode.MisdirectedRequest)]
    [InlineData("Host", "127.0.0.1.example.com", HttpStatusCode.MisdirectedRequest)]
    [InlineData("Host", "localhost:1", HttpStatusCode.OK)]
    public async Task Other_pages_and_names_that_lead_here_by_a_trick_are_refused(string name, string value, HttpStatusCode status)
    {
        await using var server = await ApiServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/annotate") { Content = new StringContent("a text", Encoding.UTF8, "text/plain") };
        request.Headers.TryAddWithoutValidation(name, value);

        using var answer = await server.Client.SendAsync(request);

        Assert.Equal(status, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("Bearer wrong-0123456789abcdef", HttpStatusCode.Unauthorized)]
    [InlineData("Basic 0123456789abcdef-secret", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer " + Token, HttpStatusCode.OK)]
    public async Task Where_there_is_a_token_it_has_to_be_brought(string? authorization, HttpStatusCode status)
    {
        await using var server = await ApiServer.StartAsync(new() { Token = Token });
        if (authorization is not null) server.Client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);

        using var answer = await server.PostAsync("a text", "text/plain");
        using var model = await server.Client.GetAsync("/v1/model");

        Assert.Equal((status, status), (answer.StatusCode, model.StatusCode));
        if (status == HttpStatusCode.Unauthorized) Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/openapi.json")).StatusCode);
    }

    [Theory]
    [InlineData("/v1/annotate/../../etc/passwd")]
    [InlineData("/v1/%2e%2e/%2e%2e/appsettings.json")]
    [InlineData("/..%2f..%2fetc/passwd")]
    [InlineData("/openapi.json%00.html")]
    [InlineData("//example.com/")]
    [InlineData("/v1/models")]
    public async Task Tricks_with_paths_lead_nowhere(string path)
    {
        await using var server = await ApiServer.StartAsync();
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(client.GetStream());

        Assert.Matches("^HTTP/1.1 40[04] ", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task Every_answer_tells_browsers_to_take_nothing_from_elsewhere()
    {
        await using var server = await ApiServer.StartAsync();

        foreach (var path in new[] { "/v1/model", "/openapi.json" })
        {
            using var answer = await server.Client.GetAsync(path);
            var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            Assert.False(answer.Headers.Contains("Set-Cookie"));
            Assert.False(answer.Headers.Contains("Server"));
        }
    }

    [Theory]
    [InlineData("--Http:Url=http://0.0.0.0:8080 --Http:Annotate=true", "Http:Token: found none while Http:Url is http://0.0.0.0:8080")]
    [InlineData("--Http:Url=off --Http:Annotate=true", "Http:Annotate: found true while Http:Url is off")]
    [InlineData("--Http:Token=short", "Http:Token: found 5 characters, expected 16 at least")]
    public void Settings_that_would_let_everybody_in_are_refused(string arguments, string problem)
    {
        string[] needed = ["--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead"];

        var error = Assert.Throws<UsageException>(() => AppSettings.From(SettingsReader.Read(null, new System.Collections.Hashtable(), [.. needed, .. arguments.Split(' ')])));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("short", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_among_the_arguments_is_warned_of()
    {
        var settings = AppSettings.From(SettingsReader.Read(null, new System.Collections.Hashtable(), [
            "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", "--Http:Token=" + Token]));

        Assert.Equal(["Http:Token"], settings.ExposedSecrets);
    }

    [Fact]
    public async Task The_model_says_what_serves()
    {
        await using var server = await ApiServer.StartAsync();

        var model = JsonSerializer.Deserialize<JsonElement>(await server.Client.GetStringAsync("/v1/model"));

        Assert.Equal(("table", "1.0.0", "cpu"), (model.GetProperty("name").GetString(), model.GetProperty("version").GetString(), model.GetProperty("device").GetString()));
        Assert.Equal(["pos", "sentiment"], model.GetProperty("tasks").EnumerateArray().Select(t => t.GetProperty("name").GetString()));
    }
}
