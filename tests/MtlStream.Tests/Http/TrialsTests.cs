using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using MtlStream.Http;

namespace MtlStream.Tests.Http;

/// <summary>The versions beside the one that serves: shown to whoever sees the page, decided on with the token only.</summary>
public sealed class TrialsTests
{
    private const string Token = "a-token-of-the-test";

    [Fact]
    public async Task How_they_are_doing_is_told()
    {
        await using var server = await ApiServer.StartAsync(new HttpOptions { Page = true }, trials: new StubTrials());

        var state = JsonSerializer.Deserialize<JsonElement>(await server.Client.GetStringAsync("/v1/models"));

        Assert.Equal(("1", "2", "passed"), (
            state.GetProperty("serving").GetString(), state.GetProperty("candidate").GetProperty("version").GetString(),
            state.GetProperty("candidate").GetProperty("state").GetString()));
        Assert.Equal(90, state.GetProperty("shadow").GetProperty("tasks")[0].GetProperty("agreed").GetInt64());
        Assert.False(state.GetProperty("canDecide").GetBoolean());
        Assert.True((await PageAsync(server)).GetProperty("trials").GetBoolean());
    }

    [Theory]
    [InlineData("promote")]
    [InlineData("rollback")]
    public async Task Nobody_decides_where_there_is_no_token(string what)
    {
        var trials = new StubTrials();
        await using var server = await ApiServer.StartAsync(new HttpOptions { Page = true }, trials: trials);

        using var answer = await server.PostAsync("", path: $"/v1/models/{what}");

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("Http:Token", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(trials.Done);
    }

    [Theory]
    [InlineData("promote")]
    [InlineData("rollback")]
    public async Task A_wrong_token_and_another_page_decide_nothing(string what)
    {
        var trials = new StubTrials();
        await using var server = await ApiServer.StartAsync(new HttpOptions { Page = true, Token = Token }, trials: trials);

        using var without = await server.PostAsync("", path: $"/v1/models/{what}");
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", "wrong");
        using var wrong = await server.PostAsync("", path: $"/v1/models/{what}");
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        server.Client.DefaultRequestHeaders.Add("Origin", "http://another.example");
        using var elsewhere = await server.PostAsync("", path: $"/v1/models/{what}");

        Assert.Equal(
            [HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden],
            [without.StatusCode, wrong.StatusCode, elsewhere.StatusCode]);
        Assert.Empty(trials.Done);
    }

    [Fact]
    public async Task Who_has_the_token_decides_and_is_told_why_nothing_changed()
    {
        var trials = new StubTrials();
        await using var server = await ApiServer.StartAsync(new HttpOptions { Page = true, Token = Token }, trials: trials);
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);

        using var first = await server.PostAsync("", path: "/v1/models/promote");
        using var second = await server.PostAsync("", path: "/v1/models/promote");
        using var back = await server.PostAsync("", path: "/v1/models/rollback");

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Conflict, HttpStatusCode.OK], [first.StatusCode, second.StatusCode, back.StatusCode]);
        Assert.Contains("Nothing changed: no candidate is being tried.", await second.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(["promote", "roll back"], trials.Done);
        Assert.True(JsonSerializer.Deserialize<JsonElement>(await first.Content.ReadAsStringAsync()).GetProperty("canDecide").GetBoolean());
    }

    [Fact]
    public async Task A_worker_without_a_model_yet_says_so()
    {
        await using var server = await ApiServer.StartAsync(new HttpOptions { Page = true }, trials: new StubTrials { Now = null });

        using var answer = await server.Client.GetAsync(new Uri("/v1/models", UriKind.Relative));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    private static async Task<JsonElement> PageAsync(ApiServer server) => JsonSerializer.Deserialize<JsonElement>(await server.Client.GetStringAsync("/v1/page"));
}
