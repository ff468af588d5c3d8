using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace MtlStream.Http.Api;

/// <summary><c>GET /v1/models</c>: what waits beside the version that serves; and, with a token, what becomes of it.</summary>
internal sealed class TrialsEndpoint(IModelTrials trials, HttpOptions options)
{
    public Task StateAsync(HttpContext context)
    {
        var state = trials.Now ?? throw new ProblemException(Problem.Closed("The model is being loaded, or the worker is stopping."));
        context.Response.ContentType = "application/json";
        var told = state with { CanDecide = options.Token.Length > 0 };
        return JsonSerializer.SerializeAsync(context.Response.Body, told, JsonSerializerOptions.Web, context.RequestAborted);
    }

    public Task PromoteAsync(HttpContext context) => DecideAsync(context, trials.Promote);

    public Task RollBackAsync(HttpContext context) => DecideAsync(context, trials.RollBack);

    private Task DecideAsync(HttpContext context, Func<string?> decide)
    {
        if (options.Token.Length == 0)
            throw new ProblemException(Problem.Forbidden("There is no token; expected Http:Token to be set, so that not everybody on this machine decides what serves."));
        if (trials.Now is null) return StateAsync(context);
        if (decide() is { } refusal) throw new ProblemException(Problem.Conflict($"Nothing changed: {refusal}."));
        return StateAsync(context);
    }
}
