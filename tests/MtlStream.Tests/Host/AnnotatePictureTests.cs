using System.Text.RegularExpressions;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed partial class AnnotatePictureTests : IDisposable
{
    private const string Lines = "{\"text\": \"anna is in paris\"}\n{\"body\": 1}\n[{\"text\": \"the cat\"}, {\"text\": \"<i>a\"}]\n";

    private readonly ToyPackage _package = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-annotate").FullName;

    public void Dispose()
    {
        _package.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Pretty_is_plain_text_where_there_is_no_terminal()
    {
        var result = await AnnotateAsync("--pretty");

        Assert.Equal(3, result.ExitCode);
        Assert.DoesNotContain(result.Lines, line => line.Contains('\u001b') || line.Contains('{'));
        Assert.Equal(3, result.Lines.Count(line => line.StartsWith("  mood  ", StringComparison.Ordinal)));
        Assert.Equal("missing_text", Assert.Single(result.Rejects).GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("NO_COLOR=1", false)]
    [InlineData("TERM=dumb", false)]
    public async Task Pretty_is_coloured_on_a_terminal_that_wants_it(string environment, bool colored)
    {
        var input = Path.Combine(_folder, "in");
        await File.WriteAllTextAsync(input, Lines);
        var command = $"env -u NO_COLOR TERM=xterm {environment} '{Cli.Program}' annotate '{input}' --pretty --model '{_package.Folder}' --device cpu 2>/dev/null";
        using var terminal = new OwnedProcess(new("script", ["-qec", command, "/dev/null"]) { RedirectStandardOutput = true, RedirectStandardInput = true });

        var output = await terminal.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(3));

        Assert.Contains("paris", output, StringComparison.Ordinal);
        Assert.Equal(colored, Color().IsMatch(output));
    }

    [Fact]
    public async Task A_page_holds_every_text()
    {
        var page = Path.Combine(_folder, "page.html");

        var result = await AnnotateAsync("--html", page);

        Assert.Equal(3, result.ExitCode);
        Assert.Empty(result.Output);
        var html = await File.ReadAllTextAsync(page);
        Assert.Equal(3, html.Split("<article>").Length - 1);
        Assert.DoesNotContain("<i>a", html, StringComparison.Ordinal);
        Assert.EndsWith("<footer>3 texts</footer>\n</body>\n</html>\n", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--pretty", "--html", "x.html")]
    [InlineData("--out", "x", "--html", "x.html")]
    public async Task One_form_of_output_at_a_time(params string[] options)
    {
        var result = await AnnotateAsync(options);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("expected one of the two", result.Error, StringComparison.Ordinal);
    }

    [GeneratedRegex("\u001b\\[[0-9;]*m")]
    private static partial Regex Color();

    private Task<CliResult> AnnotateAsync(params string[] more) =>
        Cli.RunAsync(Lines, ["annotate", "-", "--model", _package.Folder, "--device", "cpu", .. more]);
}
