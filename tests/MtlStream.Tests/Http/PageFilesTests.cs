using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using MtlStream.Http.Page;

namespace MtlStream.Tests.Http;

/// <summary>The page's files as they are served.</summary>
public sealed class PageFilesTests
{
    private const int MostBytes = 50_000;

    private static readonly string[] s_own = [.. PageFiles.All.Keys.Where(n => !n.StartsWith("uPlot", StringComparison.Ordinal) && n != "icon.svg")];

    [Fact]
    public async Task Every_file_is_served_with_its_type_and_nothing_beside_them()
    {
        await using var server = await ApiServer.StartAsync(new() { Page = true });

        Assert.Equal("text/html", (await server.Client.GetAsync("/")).Content.Headers.ContentType!.MediaType);
        foreach (var (name, bytes) in PageFiles.All) Assert.Equal(bytes, await server.Client.GetByteArrayAsync($"/page/{name}"));
        foreach (var path in new[] { "/page/", "/page/..%2fappsettings.json", "/page/PageFiles.cs", "/page/app.js/x", "/page/APP.JS" })
            Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync(path)).StatusCode);
    }

    [Fact]
    public async Task The_page_is_small_as_it_is_sent()
    {
        await using var server = await ApiServer.StartAsync(new() { Page = true });
        server.Client.DefaultRequestHeaders.AcceptEncoding.ParseAdd("gzip, br");
        var sent = 0;
        foreach (var (name, bytes) in PageFiles.All)
        {
            var packed = await server.Client.GetByteArrayAsync($"/page/{name}");
            sent += packed.Length;
            using var gzip = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
            using var unpacked = new MemoryStream();
            await gzip.CopyToAsync(unpacked);
            Assert.Equal(bytes, unpacked.ToArray());
        }

        Assert.InRange(sent, 1, MostBytes);
    }

    [Fact]
    public void Nothing_in_it_turns_text_into_HTML_or_asks_another_host()
    {
        foreach (var name in s_own)
        {
            var code = Encoding.UTF8.GetString(PageFiles.All[name]);
            Assert.DoesNotMatch(new Regex("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|\\beval\\(|new Function|srcdoc|javascript:|\\son[a-z]+=|style=\"|document\\.cookie"), code);
            Assert.DoesNotMatch(new Regex("https?://(?!www\\.w3\\.org/2000/svg)"), code);
        }
    }

    [Fact]
    public async Task Without_the_setting_there_is_no_page()
    {
        await using var server = await ApiServer.StartAsync();

        foreach (var path in new[] { "/", "/page/app.js", "/v1/page", "/v1/live" })
            Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync(path)).StatusCode);
    }

    [Fact]
    public async Task With_a_token_the_files_are_open_and_what_they_ask_for_is_not()
    {
        await using var server = await ApiServer.StartAsync(new() { Page = true, Token = "0123456789abcdef" });

        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Client.GetAsync("/v1/page")).StatusCode);
    }
}
