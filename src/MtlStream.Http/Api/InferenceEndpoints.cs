using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Api;

/// <summary>The Open Inference Protocol, version 2, over REST.</summary>
internal sealed class InferenceEndpoints(RequestDesk desk)
{
    private readonly Inference _inference = new(desk);

    /// <summary><c>GET /v2</c>.</summary>
    public static Task ServerAsync(HttpContext context) =>
        WriteAsync(context, new { name = Inference.Server, version = Inference.ServerVersion, extensions = Array.Empty<string>() });

    /// <summary><c>GET /v2/health/live</c>.</summary>
    public static Task LiveAsync(HttpContext context) => WriteAsync(context, new { live = true });

    /// <summary><c>GET /v2/health/ready</c>, and that of a model.</summary>
    public Task ReadyAsync(HttpContext context)
    {
        var opened = _inference.Opened;
        if (Name(context) is { } name) Inference.Check(opened, name, Version(context));
        return WriteAsync(context, new { name = opened.Loaded.Model.Identity.Name, ready = true });
    }

    /// <summary><c>GET /v2/models/NAME</c>.</summary>
    public Task ModelAsync(HttpContext context)
    {
        var opened = _inference.Opened;
        var identity = Inference.Check(opened, Name(context), Version(context));
        var inputs = new[] { new InferenceTensor(Inference.Input, [-1], Inference.Bytes) };
        var outputs = Inference.OutputsOf(opened).Select(name => new InferenceTensor(name, [-1], Inference.Bytes));
        return WriteAsync(context, new { name = identity.Name, versions = new[] { identity.Version }, platform = Inference.Platform, inputs, outputs });
    }

    /// <summary><c>POST /v2/models/NAME/infer</c>.</summary>
    public async Task InferAsync(HttpContext context)
    {
        using var late = new CancellationTokenSource(desk.Options.Timeout, desk.Time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        var opened = _inference.Opened;
        var identity = Inference.Check(opened, Name(context), Version(context));
        try
        {
            var request = await ReadAsync(context, ends.Token);
            var texts = TextsOf(request);
            var wanted = Inference.Wanted(opened, [.. (request.Outputs ?? []).Select(o => o.Name)]);
            var values = await _inference.InferAsync(opened, texts, wanted, ends.Token);
            var outputs = wanted.Zip(values, (name, given) => new InferenceTensor(name, [given.Count], Inference.Bytes) { Data = JsonSerializer.SerializeToElement(given) });
            await WriteAsync(context, new InferenceAnswer(identity.Name, identity.Version, request.Id, [.. outputs]));
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            throw new ProblemException(Problem.Closed("The request took longer than Http:Timeout, or the worker is stopping."));
        }
    }

    private static async Task<InferenceRequest> ReadAsync(HttpContext context, CancellationToken cancelled)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync<InferenceRequest>(context.Request.Body, JsonSerializerOptions.Web, cancelled)
                ?? throw new ProblemException(Problem.Malformed("The body is null; expected an inference request."));
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Problem.Malformed($"The body is no inference request at line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}."));
        }
    }

    private static List<byte[]> TextsOf(InferenceRequest request)
    {
        var input = request.Inputs is [{ Name: Inference.Input, Datatype: Inference.Bytes, Data: { ValueKind: JsonValueKind.Array } } one]
            ? one
            : throw new ProblemException(Problem.Malformed("inputs: expected one, with name text, datatype BYTES, and data, an array of strings."));
        var texts = new List<byte[]>();
        foreach (var element in input.Data!.Value.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.String) throw new ProblemException(Problem.Malformed($"inputs[0].data[{texts.Count}]: expected a string."));
            texts.Add(TextOf(element, texts.Count));
        }

        Inference.CheckShape(input.Shape, texts.Count);
        return texts;
    }

    private static byte[] TextOf(JsonElement element, int index)
    {
        try
        {
            return Encoding.UTF8.GetBytes(element.GetString()!);
        }
        catch (InvalidOperationException)
        {
            throw new ProblemException(Problem.Malformed($"inputs[0].data[{index}]: it is no Unicode text; expected no unpaired surrogates."));
        }
    }

    private static string? Name(HttpContext context) => context.GetRouteValue("name") as string;

    private static string? Version(HttpContext context) => context.GetRouteValue("version") as string;

    private static Task WriteAsync<T>(HttpContext context, T answer)
    {
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, answer, JsonSerializerOptions.Web, context.RequestAborted);
    }
}
