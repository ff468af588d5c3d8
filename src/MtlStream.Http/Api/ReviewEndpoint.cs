using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace MtlStream.Http.Api;

/// <summary><c>POST /v1/review</c>: the next question, and the answer to the one before.</summary>
internal sealed class ReviewEndpoint(IReviewer reviewer)
{
    private const int LongestName = 64;

    /// <param name="Question">What is answered; null to be told the next one only.</param>
    private sealed record Said(string? Task, string? By, string? Question, IReadOnlyList<string>? Labels, bool Undo);

    public async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) != true)
            throw new ProblemException(Problem.Unsupported("The Content-Type is none that is read; expected application/json."));
        var said = await ReadAsync(context);
        ReviewState state;
        try
        {
            state = Take(said);
        }
        catch (ArgumentException exception)
        {
            throw new ProblemException(Problem.Malformed(exception.Message));
        }
        catch (IOException)
        {
            throw new ProblemException(Problem.Closed("The answer could not be written down; the log says why."));
        }

        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, state, JsonSerializerOptions.Web, context.RequestAborted);
    }

    private ReviewState Take(Said said)
    {
        var (task, by) = (said.Task ?? "", said.By ?? "");
        if (by.Length is 0 or > LongestName || by.Any(char.IsControl)) throw new ArgumentException($"by: expected a name of 1 to {LongestName} characters.");
        if (said.Undo) return reviewer.Undo(task, by);
        return said.Question is { } question ? reviewer.Answer(task, by, question, said.Labels) : reviewer.State(task, by);
    }

    private static async Task<Said> ReadAsync(HttpContext context)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync<Said>(context.Request.Body, JsonSerializerOptions.Web, context.RequestAborted)
                ?? throw new ProblemException(Problem.Malformed("The body is null; expected an object."));
        }
        catch (JsonException)
        {
            throw new ProblemException(Problem.Malformed("The body is not such an object; expected {\"task\": ..., \"by\": ..., \"question\": ..., \"labels\": [...]}."));
        }
    }
}
