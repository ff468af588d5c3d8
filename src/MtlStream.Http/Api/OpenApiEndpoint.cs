using Microsoft.AspNetCore.Http;

namespace MtlStream.Http.Api;

/// <summary><c>GET /openapi.json</c>: the endpoints, described.</summary>
internal static class OpenApiEndpoint
{
    /// <summary>The document as it is served.</summary>
    public static byte[] Document { get; } = Read();

    public static async Task AnswerAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(Document, context.RequestAborted);
    }

    private static byte[] Read()
    {
        using var stream = typeof(OpenApiEndpoint).Assembly.GetManifestResourceStream("MtlStream.Http.openapi.json")!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
