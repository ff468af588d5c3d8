using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MtlStream.Events;
using MtlStream.Http.Requests;
using MtlStream.Models;
using MtlStream.Results;

namespace MtlStream.Http.Api;

/// <summary>What both transports of the Open Inference Protocol, version 2, ask for. Problems are <see cref="ProblemException"/>s.</summary>
/// <remarks>
/// https://github.com/kserve/open-inference-protocol. One input <c>text</c>, an output for each task: its label, or its answer as JSON
/// where that is no single label; and <c>analysis</c>, the whole answer as JSON.
/// </remarks>
internal sealed class Inference(RequestDesk desk)
{
    public const string Input = "text", Bytes = "BYTES", Platform = "onnxruntime", Server = "mtlstream";

    private const string Whole = "analysis";

    public static string ServerVersion => typeof(Inference).Assembly.GetName().Version!.ToString(3);

    /// <summary>What serves.</summary>
    public RequestDesk.Opened Opened => desk.Now ?? throw new ProblemException(Problem.Closed("The model is being loaded, or the worker is stopping."));

    /// <summary>Whether the model that serves has this name and this version.</summary>
    /// <param name="version">Null or empty for any.</param>
    public static ModelIdentity Check(RequestDesk.Opened opened, string? name, string? version)
    {
        var identity = opened.Loaded.Model.Identity;
        if (name == identity.Name && (string.IsNullOrEmpty(version) || version == identity.Version)) return identity;
        throw new ProblemException(new(StatusCodes.Status404NotFound, "Not found", $"There is no such model; {identity.Name} {identity.Version} serves."));
    }

    /// <summary>Names of the outputs.</summary>
    public static IReadOnlyList<string> OutputsOf(RequestDesk.Opened opened) => [.. opened.Loaded.Model.Tasks.Select(t => t.Name), Whole];

    /// <summary>The outputs that are asked for; all where none is named.</summary>
    public static IReadOnlyList<string> Wanted(RequestDesk.Opened opened, IReadOnlyList<string> names)
    {
        var known = OutputsOf(opened);
        if (names.Count == 0) return known;
        return names.All(known.Contains) ? names : throw new ProblemException(Problem.Malformed($"outputs: a name is none of {string.Join(", ", known)}."));
    }

    /// <summary>Refuses a shape that says another number of texts.</summary>
    public static void CheckShape(IEnumerable<long>? shape, int texts)
    {
        var length = shape?.Aggregate(1L, (all, one) => all * one);
        if (length != texts || texts == 0)
            throw new ProblemException(Problem.Malformed($"inputs[0]: found {texts} strings and a shape of {length?.ToString(null, null) ?? "none"}, expected one string at least, and as many as the shape says."));
    }

    /// <summary>The values of each output, one for each text.</summary>
    /// <exception cref="OperationCanceledException">It took longer than a request may, or the worker stops.</exception>
    public async Task<IReadOnlyList<IReadOnlyList<string>>> InferAsync(
        RequestDesk.Opened opened, IReadOnlyList<byte[]> texts, IReadOnlyList<string> outputs, CancellationToken cancelled)
    {
        if (texts.Count > desk.Options.MaxWaiting)
            throw new ProblemException(Problem.TooLarge($"The request has {texts.Count} texts; expected at most {desk.Options.MaxWaiting} (Http:MaxWaiting)."));
        var answers = await opened.Plain.AskAsync([.. texts.Select(t => new PendingText(t, isText: true, []))], cancelled);
        if (answers is null)
        {
            desk.Metrics.Texts(texts.Count, TextOutcome.Refused);
            throw new ProblemException(Problem.Busy($"There is no room for {texts.Count} texts now."));
        }

        var rejected = answers.Count(a => a.Destination != Destination.Results);
        desk.Metrics.Texts(answers.Length - rejected, TextOutcome.Answered);
        desk.Metrics.Texts(rejected, TextOutcome.Rejected);
        var analyses = answers.Select(AnalysisOf).ToList();
        return [.. outputs.Select(name => analyses.ConvertAll(a => Value(a, name)))];
    }

    private static JsonElement AnalysisOf(OutboundRecord answer, int index)
    {
        if (answer.Destination == Destination.Results && !answer.WithoutText) return JsonSerializer.Deserialize<JsonElement>(answer.Payload).GetProperty("analysis");
        var (reason, message) = answer.Destination == Destination.DeadLetters
            ? (DeadLetter.Of(answer).Reason, DeadLetter.Of(answer).Message)
            : (RejectionReason.EmptyText, "there is nothing in it that can be read.");
        throw new ProblemException(new(StatusCodes.Status422UnprocessableEntity, "A text was rejected", $"text[{index}]: {message}", Reason: reason.WireName()));
    }

    private static string Value(JsonElement analysis, string name)
    {
        if (name == Whole) return analysis.GetRawText();
        if (!analysis.GetProperty("tasks").TryGetProperty(name, out var answer)) return ""; // of a version that was put in place just now
        if (answer.TryGetProperty("label", out var label)) return label.GetString() ?? "";
        return answer.GetRawText();
    }
}
