using System.Globalization;
using Microsoft.AspNetCore.Http;
using MtlStream.Events;
using MtlStream.Http.Requests;
using MtlStream.Results;

namespace MtlStream.Http.Api;

/// <summary><c>POST /v1/annotate</c>: texts in, the results that a topic would get out.</summary>
internal sealed class AnnotateEndpoint(RequestDesk desk)
{
    public async Task AnswerAsync(HttpContext context)
    {
        using var late = new CancellationTokenSource(desk.Options.Timeout, desk.Time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        var count = 0;
        try
        {
            var asked = await AskedTexts.ReadAsync(context.Request, desk.Options.MaxWaiting, ends.Token);
            count = asked.Texts.Count;
            var opened = desk.Now ?? throw new ProblemException(Problem.Closed("The model is being loaded, or the worker is stopping."));
            var lane = LaneOf(context.Request, opened);
            if (await lane.AskAsync(asked.Texts, ends.Token) is not { } answers)
            {
                desk.Metrics.Texts(count, TextOutcome.Refused);
                throw new ProblemException(Problem.Busy($"There is no room for {count} texts now: Http:MaxWaiting is {desk.Options.MaxWaiting}."));
            }

            Count(answers);
            await WriteAsync(context.Response, asked.Form, answers, ends.Token);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            desk.Metrics.Texts(count, TextOutcome.CalledOff);
            context.Abort();
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !context.Response.HasStarted)
        {
            desk.Metrics.Texts(count, TextOutcome.TimedOut);
            var limit = desk.Options.Timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            await Problem.Closed($"The request took longer than {limit} s (Http:Timeout).").WriteAsync(context);
        }
        catch (OperationCanceledException) when (!context.Response.HasStarted)
        {
            await Problem.Closed("The worker is stopping.").WriteAsync(context);
        }
    }

    private static RequestLane LaneOf(HttpRequest request, RequestDesk.Opened opened)
    {
        var detailed = WantsAllScores(request);
        var version = request.Query["version"].ToString();
        if (version.Length == 0 || version == opened.Versions[0]) return detailed ? opened.Detailed : opened.Plain;
        return opened.Others.TryGetValue(version, out var other) && detailed
            ? other
            : throw new ProblemException(Problem.Malformed("The parameter version names none that is asked beside the one that serves, with scores=all; GET /v1/page lists them."));
    }

    private static bool WantsAllScores(HttpRequest request) => request.Query["scores"].ToString() switch
    {
        "" => false,
        "all" => true,
        _ => throw new ProblemException(Problem.Malformed("The parameter scores has a value that there is not; expected all.")),
    };

    private void Count(OutboundRecord[] answers)
    {
        var rejected = answers.Count(a => a.Destination != Destination.Results);
        desk.Metrics.Texts(answers.Length - rejected, TextOutcome.Answered);
        desk.Metrics.Texts(rejected, TextOutcome.Rejected);
    }

    private static async Task WriteAsync(HttpResponse response, AskedForm form, OutboundRecord[] answers, CancellationToken cancelled)
    {
        if (form == AskedForm.One)
        {
            await WriteOneAsync(response, answers[0], cancelled);
            return;
        }

        using var body = new MemoryStream();
        if (form == AskedForm.Array) body.WriteByte((byte)'[');
        for (var i = 0; i < answers.Length; i++)
        {
            if (form == AskedForm.Array && i > 0) body.WriteByte((byte)',');
            body.Write(OneOfSeveral(answers[i], i));
            if (form == AskedForm.Lines) body.WriteByte((byte)'\n');
        }

        if (form == AskedForm.Array) body.WriteByte((byte)']');
        response.ContentType = form == AskedForm.Array ? "application/json" : "application/x-ndjson";
        response.ContentLength = body.Length;
        body.Position = 0;
        await body.CopyToAsync(response.Body, cancelled);
    }

    private static async Task WriteOneAsync(HttpResponse response, OutboundRecord answer, CancellationToken cancelled)
    {
        if (answer.Destination == Destination.DeadLetters)
        {
            var letter = DeadLetter.Of(answer);
            throw new ProblemException(new(StatusCodes.Status422UnprocessableEntity, "The event was rejected", letter.Message, Reason: letter.Reason.WireName()));
        }

        if (answer.Payload is null) // an event without a text that is dropped
        {
            response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        response.ContentType = "application/json";
        response.ContentLength = answer.Payload.Length;
        await response.Body.WriteAsync(answer.Payload, cancelled);
    }

    /// <summary>A result, or a <c>dead-letter.v1</c> with the number of the text, from 1, in its place.</summary>
    private static byte[] OneOfSeveral(OutboundRecord answer, int index)
    {
        if (answer.Destination == Destination.DeadLetters) return (DeadLetter.Of(answer) with { Line = index + 1 }).ToJson();
        return answer.Payload ?? "null"u8.ToArray();
    }
}
