using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MtlStream.Http.Api;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Page;

/// <summary><c>GET /v1/page</c>: what the page can show here.</summary>
/// <param name="parts">Names of its parts, in their order.</param>
/// <param name="trials">Whether versions beside the one that serves can be asked about.</param>
internal sealed class PageEndpoint(RequestDesk desk, IReadOnlyList<string> parts, bool trials)
{
    public Task AnswerAsync(HttpContext context)
    {
        var opened = desk.Now ?? throw new ProblemException(Problem.Closed("The model is being loaded, or the worker is stopping."));
        var about = new
        {
            parts,
            trials,
            model = ModelEndpoint.Of(opened),
            opened.Versions,
            token = desk.Options.Token.Length > 0,
            desk.Options.ShowTexts,
        };
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, about, JsonSerializerOptions.Web, context.RequestAborted);
    }
}
