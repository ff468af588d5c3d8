using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Api;

/// <summary>Everything that is served beside the probes, the status and the metrics.</summary>
public sealed class HttpApi(HttpOptions options, RequestDesk desk, ILogger<HttpApi> logger)
{
    private readonly AccessRules _rules = new(options);

    /// <summary>Adds the endpoints that the settings ask for.</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        if (!options.Serves) return;
        Map(endpoints, HttpMethods.Post, "/v1/annotate", new AnnotateEndpoint(desk).AnswerAsync);
        Map(endpoints, HttpMethods.Get, "/v1/model", new ModelEndpoint(desk).AnswerAsync);
        Map(endpoints, HttpMethods.Get, "/openapi.json", OpenApiEndpoint.AnswerAsync, needsToken: false);
    }

    private void Map(IEndpointRouteBuilder endpoints, string method, string route, RequestDelegate answer, bool needsToken = true) =>
        endpoints.MapMethods(route, [method], (RequestDelegate)(context => GuardedAsync(context, route, answer, needsToken)));

    private async Task GuardedAsync(HttpContext context, string route, RequestDelegate answer, bool needsToken)
    {
        var since = desk.Time.GetTimestamp();
        SecurityHeaders.Write(context.Response.Headers);
        try
        {
            if (_rules.Refusal(context.Request, needsToken) is { } refusal)
            {
                if (refusal.Status == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Bearer";
                await refusal.WriteAsync(context);
                return;
            }

            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body) body.MaxRequestBodySize = options.MaxBytes;
            await answer(context);
        }
        catch (ProblemException problem) when (!context.Response.HasStarted)
        {
            await problem.Problem.WriteAsync(context);
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await Bad(exception).WriteAsync(context);
        }
        catch (Exception exception) when (exception is not OperationCanceledException && !context.RequestAborted.IsCancellationRequested)
        {
            logger.RequestTrippedBug(route, exception.WithoutMessages());
            if (context.Response.HasStarted) context.Abort();
            else await new Problem(StatusCodes.Status500InternalServerError, "Internal error", "A bug of this program ended the request; the log says where.").WriteAsync(context);
        }
        finally
        {
            desk.Metrics.Request(context.Request.Method, route, context.Response.StatusCode, desk.Time.GetElapsedTime(since));
        }
    }

    private Problem Bad(BadHttpRequestException exception) => exception.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => Problem.TooLarge($"The body is longer than {options.MaxBytes} bytes (Http:MaxBytes)."),
        StatusCodes.Status408RequestTimeout => new(exception.StatusCode, "Too slow", "The body came too slowly."),
        _ => Problem.Malformed("The request breaks off, or is no proper HTTP."),
    };
}
