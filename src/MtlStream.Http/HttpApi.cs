using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;
using MtlStream.Http.Api;
using MtlStream.Http.Live;
using MtlStream.Http.Page;
using MtlStream.Http.Requests;

namespace MtlStream.Http;

/// <summary>Everything that is served beside the probes, the status and the metrics.</summary>
/// <param name="live">The stream, for the page; null where there is none.</param>
/// <param name="reviewer">Asks for labels, for the page; null where nobody does.</param>
/// <param name="trials">Versions beside the one that serves, for the page; null where there are none.</param>
public sealed class HttpApi(
    HttpOptions options, RequestDesk desk, ILogger<HttpApi> logger, LiveFeed? live = null, IReviewer? reviewer = null, IModelTrials? trials = null)
{
    private readonly AccessRules _rules = new(options);

    /// <summary>Adds the endpoints that the settings ask for.</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        if (!(options.Annotate || options.Page)) return;
        Map(endpoints, HttpMethods.Post, "/v1/annotate", new AnnotateEndpoint(desk).AnswerAsync);
        Map(endpoints, HttpMethods.Get, "/v1/model", new ModelEndpoint(desk).AnswerAsync);
        Map(endpoints, HttpMethods.Post, "/v1/tokenize", new TokenizeEndpoint(desk).AnswerAsync);
        Map(endpoints, HttpMethods.Get, "/openapi.json", OpenApiEndpoint.AnswerAsync, needsToken: false);
        MapInference(endpoints);
        if (options.Page) MapPage(endpoints);
    }

    private void MapInference(IEndpointRouteBuilder endpoints)
    {
        var inference = new InferenceEndpoints(desk);
        Map(endpoints, HttpMethods.Get, "/v2", InferenceEndpoints.ServerAsync);
        Map(endpoints, HttpMethods.Get, "/v2/health/live", InferenceEndpoints.LiveAsync, needsToken: false);
        Map(endpoints, HttpMethods.Get, "/v2/health/ready", inference.ReadyAsync, needsToken: false);
        foreach (var model in new[] { "/v2/models/{name}", "/v2/models/{name}/versions/{version}" })
        {
            Map(endpoints, HttpMethods.Get, model, inference.ModelAsync);
            Map(endpoints, HttpMethods.Get, model + "/ready", inference.ReadyAsync);
            Map(endpoints, HttpMethods.Post, model + "/infer", inference.InferAsync);
        }
    }

    private void MapPage(IEndpointRouteBuilder endpoints)
    {
        var parts = new List<string> { "try" };
        if (live is not null)
        {
            parts.Add("live");
            Map(endpoints, HttpMethods.Get, "/v1/live", new LiveEndpoint(live, desk.Time).AnswerAsync);
        }

        if (reviewer is not null)
        {
            parts.Add("review");
            Map(endpoints, HttpMethods.Post, "/v1/review", new ReviewEndpoint(reviewer).AnswerAsync);
        }

        if (trials is not null) MapTrials(endpoints, new(trials, options));
        parts.Add("models");
        Map(endpoints, HttpMethods.Get, "/v1/page", new PageEndpoint(desk, parts, trials is not null).AnswerAsync);
        Map(endpoints, HttpMethods.Get, "/", PageFiles.FirstAsync, needsToken: false);
        Map(endpoints, HttpMethods.Get, "/page/{name}", PageFiles.NamedAsync, needsToken: false);
    }

    private void MapTrials(IEndpointRouteBuilder endpoints, TrialsEndpoint trials)
    {
        Map(endpoints, HttpMethods.Get, "/v1/models", trials.StateAsync);
        Map(endpoints, HttpMethods.Post, "/v1/models/promote", trials.PromoteAsync);
        Map(endpoints, HttpMethods.Post, "/v1/models/rollback", trials.RollBackAsync);
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
