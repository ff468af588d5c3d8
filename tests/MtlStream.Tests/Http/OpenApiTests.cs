using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Events;
using MtlStream.Http;
using MtlStream.Http.Api;
using MtlStream.Http.Live;
using MtlStream.Http.Requests;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Http;

/// <summary>The OpenAPI document, against the code and against answers.</summary>
public sealed class OpenApiTests
{
    private static readonly JsonObject s_document = JsonNode.Parse(OpenApiEndpoint.Document)!.AsObject();

    [Fact]
    public void Every_endpoint_is_described_and_nothing_else()
    {
        using var meters = new MeterRecorder();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRouting();
        builder.Services.AddSingleton<Microsoft.AspNetCore.Hosting.Server.IServer>(new NoServer());
        var server = builder.Build();
        var options = new HttpOptions { Annotate = true, Page = true };
        var desk = new RequestDesk(options, meters, NullLoggerFactory.Instance, TimeProvider.System);
        using var live = new LiveFeed(options, new InputOptions(), desk, meters, TimeProvider.System);
        new HttpApi(options, desk, NullLogger<HttpApi>.Instance, live, new NoReviewer(), new StubTrials()).Map(server);

        var mapped = ((IEndpointRouteBuilder)server).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText is not ("/" or "/page/{name}")) // the page itself
            .Select(e => $"{e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single().ToLowerInvariant()} {e.RoutePattern.RawText}");
        var described = s_document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject(), (path, method) => $"{method.Key} {path.Key}");

        Assert.Equal(described.Order(StringComparer.Ordinal), mapped.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{"text": "the cat"}""", "Result")]
    [InlineData("""{"text": 7}""", "Problem")]
    public async Task Answers_are_as_described(string body, string schema)
    {
        await using var server = await ApiServer.StartAsync();

        using var answer = await server.PostAsync(body);

        AssertFits(schema, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task The_model_is_as_described_and_so_is_a_dead_letter_among_answers()
    {
        await using var server = await ApiServer.StartAsync();

        AssertFits("Model", await server.Client.GetStringAsync("/v1/model"));
        var answers = JsonSerializer.Deserialize<JsonElement>(await (await server.PostAsync("""["fine", 7]""")).Content.ReadAsStringAsync());
        AssertFits("Result", answers[0].GetRawText());
        AssertFits("DeadLetter", answers[1].GetRawText());
    }

    [Fact]
    public async Task The_document_is_served() =>
        Assert.Equal(OpenApiEndpoint.Document, await (await ApiServer.StartAsync()).Client.GetByteArrayAsync("/openapi.json"));

    private static void AssertFits(string name, string json)
    {
        var schemas = JsonNode.Parse(s_document["components"]!["schemas"]!.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal));
        var schema = JsonSchema.FromText(new JsonObject { ["$ref"] = $"#/$defs/{name}", ["$defs"] = schemas }.ToJsonString());

        Assert.Empty(schema.Problems(JsonSerializer.Deserialize<JsonElement>(json)));
    }

    private sealed class NoReviewer : IReviewer
    {
        public ReviewState State(string task, string by) => new("", [], [], false, false, 0, 0, false, null, null);

        public ReviewState Answer(string task, string by, string question, IReadOnlyList<string>? labels) => State(task, by);

        public ReviewState Undo(string task, string by) => State(task, by);
    }

    private sealed class NoServer : Microsoft.AspNetCore.Hosting.Server.IServer
    {
        public Microsoft.AspNetCore.Http.Features.IFeatureCollection Features { get; } = new Microsoft.AspNetCore.Http.Features.FeatureCollection();

        public Task StartAsync<TContext>(Microsoft.AspNetCore.Hosting.Server.IHttpApplication<TContext> application, CancellationToken cancellationToken)
            where TContext : notnull => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }
}
