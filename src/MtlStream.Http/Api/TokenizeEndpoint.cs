using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MtlStream.Http.Requests;
using MtlStream.Text;

namespace MtlStream.Http.Api;

/// <summary><c>POST /v1/tokenize</c>: what the model sees of a text.</summary>
internal sealed class TokenizeEndpoint(RequestDesk desk)
{
    public async Task AnswerAsync(HttpContext context)
    {
        using var late = new CancellationTokenSource(desk.Options.Timeout, desk.Time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        var opened = desk.Now ?? throw new ProblemException(Problem.Closed("The model is being loaded, or the worker is stopping."));
        using var body = new MemoryStream();
        try
        {
            await context.Request.Body.CopyToAsync(body, ends.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            throw new ProblemException(Problem.Closed("The body did not come in the time of Http:Timeout."));
        }

        var text = TextOf(body.ToArray());
        using var tokens = opened.Loaded.Tokenizer.Tokenize(text);
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, Of(tokens, opened), JsonSerializerOptions.Web, ends.Token);
    }

    private static string TextOf(byte[] body)
    {
        try
        {
            var root = JsonSerializer.Deserialize<JsonElement>(body);
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String)
                return text.GetString()!;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException) // the latter for an unpaired surrogate
        {
            // said below
        }

        throw new ProblemException(Problem.Malformed("The body is no object with a text; expected {\"text\": \"...\"}."));
    }

    /// <summary>Members as those of <c>mtlstream tokenize --words</c>; windows are ranges of tokens.</summary>
    private static object Of(TokenizedText text, RequestDesk.Opened opened)
    {
        var (tokens, words, windows) = (text.Tokens.ToArray(), text.Words.ToArray(), text.Windows.ToArray());
        return new
        {
            tokens = tokens.Select(t => opened.Loaded.Tokenizer.TokenText(t.Id)),
            ids = tokens.Select(t => t.Id),
            offsets = tokens.Select(t => new[] { t.Start, t.End }),
            first = words.Select(w => w.FirstToken),
            windows = windows.Select(w => new[] { w.Start, w.Start + w.Length }),
            text.Truncated,
            opened.Manifest().MaxTokens,
        };
    }
}
