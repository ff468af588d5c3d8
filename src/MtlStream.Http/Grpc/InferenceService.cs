using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using MtlStream.Http.Api;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Grpc;

/// <summary>The Open Inference Protocol, version 2, over gRPC.</summary>
internal sealed class InferenceService(RequestDesk desk, AccessRules rules) : GRPCInferenceService.GRPCInferenceServiceBase
{
    private readonly Inference _inference = new(desk);

    public override Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context) => Task.FromResult(new ServerLiveResponse { Live = true });

    public override Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerReadyResponse { Ready = desk.Now is not null });

    public override Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context) => GuardedAsync(context, () =>
        Task.FromResult(new ServerMetadataResponse { Name = Inference.Server, Version = Inference.ServerVersion }));

    public override Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context) => GuardedAsync(context, () =>
    {
        if (desk.Now is not { } opened) return Task.FromResult(new ModelReadyResponse { Ready = false });
        Inference.Check(opened, request.Name, request.Version);
        return Task.FromResult(new ModelReadyResponse { Ready = true });
    });

    public override Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context) => GuardedAsync(context, () =>
    {
        var opened = _inference.Opened;
        var identity = Inference.Check(opened, request.Name, request.Version);
        var answer = new ModelMetadataResponse { Name = identity.Name, Platform = Inference.Platform };
        answer.Versions.Add(identity.Version);
        answer.Inputs.Add(Metadata(Inference.Input));
        answer.Outputs.Add(Inference.OutputsOf(opened).Select(Metadata));
        return Task.FromResult(answer);
    });

    public override Task<ModelInferResponse> ModelInfer(ModelInferRequest request, ServerCallContext context) => GuardedAsync(context, async () =>
    {
        using var late = new CancellationTokenSource(desk.Options.Timeout, desk.Time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.CancellationToken);
        var opened = _inference.Opened;
        var identity = Inference.Check(opened, request.ModelName, request.ModelVersion);
        var wanted = Inference.Wanted(opened, [.. request.Outputs.Select(o => o.Name)]);
        var values = await _inference.InferAsync(opened, TextsOf(request), wanted, ends.Token);
        var answer = new ModelInferResponse { ModelName = identity.Name, ModelVersion = identity.Version, Id = request.Id };
        answer.Outputs.Add(wanted.Zip(values, Output));
        return answer;
    });

    private static List<byte[]> TextsOf(ModelInferRequest request)
    {
        if (request.RawInputContents.Count > 0)
            throw new ProblemException(Problem.Malformed("raw_input_contents: expected none; texts are bytes_contents of the input."));
        if (request.Inputs is not [{ Name: Inference.Input, Datatype: Inference.Bytes, Contents: { } contents } input])
            throw new ProblemException(Problem.Malformed("inputs: expected one, with name text, datatype BYTES, and bytes_contents."));
        Inference.CheckShape(input.Shape, contents.BytesContents.Count);
        return [.. contents.BytesContents.Select(b => b.ToByteArray())];
    }

    private static ModelInferResponse.Types.InferOutputTensor Output(string name, IReadOnlyList<string> values)
    {
        var output = new ModelInferResponse.Types.InferOutputTensor { Name = name, Datatype = Inference.Bytes, Contents = new() };
        output.Shape.Add(values.Count);
        output.Contents.BytesContents.Add(values.Select(ByteString.CopyFromUtf8));
        return output;
    }

    private static ModelMetadataResponse.Types.TensorMetadata Metadata(string name)
    {
        var tensor = new ModelMetadataResponse.Types.TensorMetadata { Name = name, Datatype = Inference.Bytes };
        tensor.Shape.Add(-1);
        return tensor;
    }

    private async Task<T> GuardedAsync<T>(ServerCallContext context, Func<Task<T>> answer)
    {
        if (desk.Options.Token.Length > 0 && !rules.HasToken(context.GetHttpContext().Request))
            throw new RpcException(new(StatusCode.Unauthenticated, "authorization is missing or wrong; expected Bearer and the value of Http:Token."));
        try
        {
            return await answer();
        }
        catch (ProblemException problem)
        {
            throw new RpcException(new(CodeOf(problem.Problem.Status), problem.Problem.Detail));
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new(StatusCode.Unavailable, "The request took longer than Http:Timeout, or the worker is stopping."));
        }
    }

    private static StatusCode CodeOf(int status) => status switch
    {
        StatusCodes.Status404NotFound => StatusCode.NotFound,
        StatusCodes.Status429TooManyRequests => StatusCode.ResourceExhausted,
        StatusCodes.Status503ServiceUnavailable => StatusCode.Unavailable,
        _ => StatusCode.InvalidArgument,
    };
}
