using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MtlStream.Http.Requests;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Http.Api;

/// <summary>What <c>GET /v1/model</c> says.</summary>
/// <param name="MaxTokens">Of a window; longer texts are read in several.</param>
/// <param name="Texts">Names of the texts that can be asked for by the header <c>mtlstream.generate</c>.</param>
internal sealed record ServedModelAnswer(string Name, string Version, string Device, int MaxTokens, IReadOnlyList<ServedTask> Tasks, IReadOnlyList<string> Texts);

/// <param name="Labels">In the model's own order.</param>
/// <param name="Thresholds">Least scores for a label to be given: one for all labels, or one for each; empty where there are none.</param>
/// <param name="Scores">As measured when the package was made, fractions.</param>
/// <param name="Data">What it was trained on.</param>
internal sealed record ServedTask(
    string Name, string Kind, IReadOnlyList<string> Labels, IReadOnlyList<double> Thresholds,
    IReadOnlyDictionary<string, MeasuredScore> Scores, IReadOnlyList<TrainingData> Data);

/// <summary><c>GET /v1/model</c>: what serves.</summary>
internal sealed class ModelEndpoint(RequestDesk desk)
{
    public Task AnswerAsync(HttpContext context)
    {
        var opened = desk.Now ?? throw new ProblemException(Problem.Closed("The model is being loaded, or the worker is stopping."));
        return JsonSerializer.SerializeAsync(Json(context.Response).Body, Of(opened), JsonSerializerOptions.Web, context.RequestAborted);
    }

    internal static ServedModelAnswer Of(RequestDesk.Opened opened)
    {
        var manifest = opened.Manifest();
        var model = opened.Loaded.Model;
        var measured = manifest.Version == model.Identity.Version ? manifest.Tasks : []; // a version that was put in place just now
        return new(
            model.Identity.Name, model.Identity.Version, model.Identity.Device, manifest.MaxTokens,
            [.. model.Tasks.Select(task => Of(task, measured.FirstOrDefault(t => t.Task.Name == task.Name)))],
            opened.Loaded.Generators?.Names ?? []);
    }

    private static ServedTask Of(ModelTask task, ManifestTask? measured) => new(
        task.Name, task.Kind, task.Labels, [.. task.Thresholds.Select(t => Math.Round(t, 4))],
        measured?.Scores ?? new Dictionary<string, MeasuredScore>(), measured?.Data ?? []);

    private static HttpResponse Json(HttpResponse response)
    {
        response.ContentType = "application/json";
        return response;
    }
}
