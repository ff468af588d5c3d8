using System.IO.Compression;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using MtlStream.Http.Api;

namespace MtlStream.Http.Page;

/// <summary>The files of the page, out of the program itself: no name leads to another file.</summary>
internal static class PageFiles
{
    private const string Prefix = "MtlStream.Http.Page.";
    private const string First = "index.html";

    private static readonly Dictionary<string, string> s_types = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
        [".LICENSE"] = "text/plain; charset=utf-8",
    };

    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, byte[]> All { get; } = Read();

    /// <summary>By name, as gzip.</summary>
    private static readonly Lazy<Dictionary<string, byte[]>> s_packed = new(() => All.ToDictionary(f => f.Key, f => Pack(f.Value)));

    /// <summary><c>GET /</c>.</summary>
    public static Task FirstAsync(HttpContext context) => WriteAsync(context, First);

    /// <summary><c>GET /page/{name}</c>.</summary>
    public static Task NamedAsync(HttpContext context) => WriteAsync(context, context.GetRouteValue("name") as string ?? "");

    private static async Task WriteAsync(HttpContext context, string name)
    {
        if (!All.TryGetValue(name, out var bytes)) throw new ProblemException(new(StatusCodes.Status404NotFound, "Not found", "The page has no such file."));
        context.Response.ContentType = s_types[Path.GetExtension(name)];
        context.Response.Headers.Vary = "Accept-Encoding";
        if (TakesGzip(context.Request))
        {
            bytes = s_packed.Value[name];
            context.Response.Headers.ContentEncoding = "gzip";
        }

        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    private static bool TakesGzip(HttpRequest request) => request.GetTypedHeaders().AcceptEncoding.Any(e => e.Value == "gzip" && e.Quality != 0);

    private static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize)) gzip.Write(bytes);
        return packed.ToArray();
    }

    private static Dictionary<string, byte[]> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(n => n[Prefix.Length..], Bytes);

        byte[] Bytes(string resource)
        {
            using var stream = assembly.GetManifestResourceStream(resource)!;
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return bytes.ToArray();
        }
    }
}
