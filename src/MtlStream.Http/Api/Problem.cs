using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace MtlStream.Http.Api;

/// <summary>Why a request has no answer, as <c>application/problem+json</c> (RFC 9457). Repeats no text of the request.</summary>
/// <param name="Detail">What was found, and what was expected.</param>
/// <param name="RetryAfter">Seconds; null where another try would end alike.</param>
/// <param name="Reason">Why an event was rejected, as in dead letters.</param>
internal sealed record Problem(int Status, string Title, string Detail, int? RetryAfter = null, string? Reason = null)
{
    public static Problem Busy(string detail) => new(StatusCodes.Status429TooManyRequests, "Too many requests", detail, RetryAfter: 1);

    public static Problem Closed(string detail) => new(StatusCodes.Status503ServiceUnavailable, "Not ready", detail, RetryAfter: 2);

    public static Problem Malformed(string detail) => new(StatusCodes.Status400BadRequest, "Bad request", detail);

    public static Problem TooLarge(string detail) => new(StatusCodes.Status413PayloadTooLarge, "Too large", detail);

    public static Problem Unsupported(string detail) => new(StatusCodes.Status415UnsupportedMediaType, "Unsupported content", detail);

    public static Problem Forbidden(string detail) => new(StatusCodes.Status403Forbidden, "Forbidden", detail);

    public static Problem Conflict(string detail) => new(StatusCodes.Status409Conflict, "Conflict", detail);

    public Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        if (RetryAfter is { } seconds) response.Headers.RetryAfter = seconds.ToString(null, null);
        var body = new Dictionary<string, object> { ["type"] = "about:blank", ["title"] = Title, ["status"] = Status, ["detail"] = Detail };
        if (Reason is not null) body["reason"] = Reason;
        response.ContentType = "application/problem+json";
        return JsonSerializer.SerializeAsync(response.Body, body, JsonSerializerOptions.Web, context.RequestAborted);
    }
}

/// <summary>Ends a request with a problem.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;
}
