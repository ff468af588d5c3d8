using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Http.Grpc;

namespace MtlStream.Tests.Http;

/// <summary>gRPC as its clients speak it.</summary>
public sealed class GrpcTests
{
    private const string Token = "0123456789abcdef";

    [Fact]
    public async Task Texts_get_an_output_for_each_task()
    {
        await using var api = await ApiServer.StartAsync();
        await using var server = await StartAsync(api);
        using var channel = GrpcChannel.ForAddress(server.Address!);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);

        var answer = await client.ModelInferAsync(Request("the cat", "Zoë"));
        var metadata = await client.ModelMetadataAsync(new() { Name = "table" });

        Assert.Equal(["pos", "sentiment", "analysis"], answer.Outputs.Select(o => o.Name));
        Assert.Equal(["positive", "positive"], answer.Outputs[1].Contents.BytesContents.Select(b => b.ToStringUtf8()));
        Assert.Equal(answer.Outputs.Select(o => o.Name), metadata.Outputs.Select(o => o.Name));
        Assert.True((await client.ServerReadyAsync(new())).Ready);
        Assert.Equal(StatusCode.NotFound, (await FailureAsync(() => client.ModelInferAsync(Request("x").Of("other")))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await FailureAsync(() => client.ModelInferAsync(new() { ModelName = "table" }))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await FailureAsync(() => client.ModelInferAsync(Request(" ")))).StatusCode);
    }

    [Fact]
    public async Task Health_says_whether_the_model_serves()
    {
        await using var open = await ApiServer.StartAsync();
        await using var closed = await ApiServer.StartAsync(opened: false);

        foreach (var (api, status) in new[] { (open, HealthCheckResponse.Types.ServingStatus.Serving), (closed, HealthCheckResponse.Types.ServingStatus.NotServing) })
        {
            await using var server = await StartAsync(api);
            using var channel = GrpcChannel.ForAddress(server.Address!);
            var client = new Health.HealthClient(channel);
            Assert.Equal(status, (await client.CheckAsync(new())).Status);
            Assert.Equal(status, (await client.CheckAsync(new() { Service = "inference.GRPCInferenceService" })).Status);
            Assert.Equal(StatusCode.NotFound, (await FailureAsync(() => client.CheckAsync(new() { Service = "other" }))).StatusCode);
            using var watch = client.Watch(new());
            Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal(status, watch.ResponseStream.Current.Status);
        }
    }

    [Fact]
    public async Task Where_there_is_a_token_it_has_to_be_brought()
    {
        await using var api = await ApiServer.StartAsync(new() { Token = Token });
        await using var server = await StartAsync(api);
        using var channel = GrpcChannel.ForAddress(server.Address!);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);

        Assert.Equal(StatusCode.Unauthenticated, (await FailureAsync(() => client.ModelInferAsync(Request("x")))).StatusCode);
        Assert.NotEmpty((await client.ModelInferAsync(Request("x"), new Metadata { { "authorization", "Bearer " + Token } })).Outputs);
    }

    private static async Task<GrpcServer> StartAsync(ApiServer api)
    {
        var server = new GrpcServer(api.Options with { GrpcUrl = "http://127.0.0.1:0" }, api.Desk, NullLogger<GrpcServer>.Instance);
        await server.StartAsync(CancellationToken.None);
        return server;
    }

    private static async Task<RpcException> FailureAsync<T>(Func<AsyncUnaryCall<T>> call) => await Assert.ThrowsAsync<RpcException>(async () => await call());

    private static ModelInferRequest Request(params string[] texts)
    {
        var input = new ModelInferRequest.Types.InferInputTensor { Name = "text", Datatype = "BYTES", Contents = new() };
        input.Shape.Add(texts.Length);
        input.Contents.BytesContents.Add(texts.Select(ByteString.CopyFromUtf8));
        var request = new ModelInferRequest { ModelName = "table" };
        request.Inputs.Add(input);
        return request;
    }
}

internal static class GrpcRequests
{
    public static ModelInferRequest Of(this ModelInferRequest request, string model)
    {
        request.ModelName = model;
        return request;
    }
}
