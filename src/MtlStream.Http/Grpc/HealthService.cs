using Grpc.Core;
using Grpc.Health.V1;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Grpc;

/// <summary><c>grpc.health.v1</c>: serving while the model answers requests.</summary>
internal sealed class HealthService(RequestDesk desk) : Health.HealthBase
{
    private const string Inference = "inference.GRPCInferenceService";

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var status = StatusOf(request.Service);
        if (status == HealthCheckResponse.Types.ServingStatus.ServiceUnknown) throw new RpcException(new(StatusCode.NotFound, "There is no such service."));
        return Task.FromResult(new HealthCheckResponse { Status = status });
    }

    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var timer = new PeriodicTimer(s_look, desk.Time);
        HealthCheckResponse.Types.ServingStatus? told = null;
        try
        {
            do
            {
                var status = StatusOf(request.Service);
                if (status != told) await responseStream.WriteAsync(new() { Status = status }, context.CancellationToken);
                told = status;
            }
            while (await timer.WaitForNextTickAsync(context.CancellationToken));
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            // who watched has gone
        }
    }

    private HealthCheckResponse.Types.ServingStatus StatusOf(string service)
    {
        if (service is not ("" or Inference)) return HealthCheckResponse.Types.ServingStatus.ServiceUnknown;
        return desk.Now is null ? HealthCheckResponse.Types.ServingStatus.NotServing : HealthCheckResponse.Types.ServingStatus.Serving;
    }
}
