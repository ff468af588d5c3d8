using System.Net;
using System.Text.Json;

namespace MtlStream.Tests.Http;

/// <summary>The Open Inference Protocol as its clients speak it.</summary>
public sealed class InferenceTests
{
    private const string Path = "/v2/models/table/infer";

    [Fact]
    public async Task Texts_get_an_output_for_each_task_and_one_for_all()
    {
        await using var server = await ApiServer.StartAsync();

        using var answer = await server.PostAsync("""{"id": "7", "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["the cat", "Zoë"]}]}""", path: Path);
        var json = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(("table", "1.0.0", "7"), (json.GetProperty("model_name").GetString(), json.GetProperty("model_version").GetString(), json.GetProperty("id").GetString()));
        var outputs = json.GetProperty("outputs").EnumerateArray().ToDictionary(o => o.GetProperty("name").GetString()!);
        Assert.Equal(["pos", "sentiment", "analysis"], outputs.Keys);
        Assert.All(outputs.Values, o => Assert.Equal(("BYTES", 2), (o.GetProperty("datatype").GetString(), o.GetProperty("shape")[0].GetInt32())));
        Assert.Equal(["positive", "positive"], outputs["sentiment"].GetProperty("data").EnumerateArray().Select(d => d.GetString()));
        Assert.Equal("VERB", JsonSerializer.Deserialize<JsonElement>(outputs["pos"].GetProperty("data")[1].GetString()!).GetProperty("tags")[0].GetProperty("label").GetString());
    }

    [Fact]
    public async Task Outputs_may_be_chosen_and_metadata_say_which_there_are()
    {
        await using var server = await ApiServer.StartAsync();

        using var answer = await server.PostAsync(
            """{"inputs": [{"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": ["a cat"]}], "outputs": [{"name": "sentiment"}]}""", path: "/v2/models/table/versions/1.0.0/infer");
        var metadata = JsonSerializer.Deserialize<JsonElement>(await server.Client.GetStringAsync("/v2/models/table"));

        var output = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync()).GetProperty("outputs");
        Assert.Equal(1, output.GetArrayLength());
        Assert.Equal(("sentiment", "positive"), (output[0].GetProperty("name").GetString(), output[0].GetProperty("data")[0].GetString()));
        var input = metadata.GetProperty("inputs")[0];
        Assert.Equal(("text", "BYTES", -1), (input.GetProperty("name").GetString(), input.GetProperty("datatype").GetString(), input.GetProperty("shape")[0].GetInt32()));
        Assert.False(input.TryGetProperty("data", out _));
        foreach (var path in new[] { "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/table/ready", "/v2/models/table/versions/1.0.0/ready" })
            Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync(path)).StatusCode);
    }

    [Theory]
    [InlineData("""{"inputs": []}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["secret"]}]}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"inputs": [{"name": "text", "shape": [1], "datatype": "FP32", "data": [1]}]}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [7]}]}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["secret"]}], "outputs": [{"name": "other"}]}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [" "]}]}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("secret", HttpStatusCode.BadRequest)]
    public async Task What_is_wrong_with_a_request_is_said_without_its_texts(string body, HttpStatusCode status)
    {
        await using var server = await ApiServer.StartAsync();

        using var answer = await server.PostAsync(body, path: Path);

        Assert.Equal(status, answer.StatusCode);
        Assert.DoesNotContain("secret", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_models_and_versions_are_not_found_and_before_the_model_is_loaded_nothing_is_ready()
    {
        await using var server = await ApiServer.StartAsync();
        await using var closed = await ApiServer.StartAsync(opened: false);

        foreach (var path in new[] { "/v2/models/other", "/v2/models/table/versions/2", "/v2/models/other/ready" })
            Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await closed.Client.GetAsync("/v2/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await closed.Client.GetAsync("/v2/health/live")).StatusCode);
    }
}
