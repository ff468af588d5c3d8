using System.IO.Compression;
using System.Text.Json;
using System.Text;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class AnnotateCommandTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-annotate").FullName;

    public void Dispose()
    {
        _package.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Every_line_gets_its_analysis_in_the_order_of_the_input()
    {
        var lines = Enumerable.Range(0, 3000).Select(i => $$"""{"id": {{i}}, "text": "the {{string.Join(' ', Enumerable.Repeat("cat", i % 90))}} is good"}""").ToList();

        var result = await AnnotateAsync(string.Join('\n', lines));

        Assert.Equal(0, result.ExitCode);
        Assert.Equal("", result.Error);
        Assert.Equal(lines.Count, result.Lines.Count);
        foreach (var (before, after) in lines.Zip(result.Lines))
        {
            Assert.StartsWith(before[..^1] + ",\"analysis\":{", after, StringComparison.Ordinal);
            Assert.Equal("toy", Json(after).GetProperty("analysis").GetProperty("model").GetProperty("name").GetString());
        }
    }

    [Theory]
    [InlineData("sentencepiece")]
    [InlineData("bpe")]
    public async Task A_package_with_another_kind_of_tokenizer_gives_every_word_its_tag(string kind)
    {
        _package.Tokenize(kind);

        var result = await AnnotateAsync("{\"text\": \"The \ufb01ne \ud83d\ude00\ud83d\ude00  cat\u00e9gorie  is  back!\"}");

        Assert.True(result.ExitCode == 0, result.Error);
        var tags = Json(Assert.Single(result.Lines)).GetProperty("analysis").GetProperty("tasks").GetProperty("tags").GetProperty("tags").EnumerateArray();
        Assert.Equal(
            [(0, 3), (4, 7), (8, 12), (14, 23), (25, 27), (29, 34)],
            tags.Select(tag => (tag.GetProperty("start").GetInt32(), tag.GetProperty("end").GetInt32())));
    }

    [Fact]
    public async Task A_dash_is_standard_output_and_no_file()
    {
        var result = await AnnotateAsync("""{"text": "good"}""", "--out", "-");

        Assert.Equal(0, result.ExitCode);
        Assert.Single(result.Lines);
        Assert.False(File.Exists("-"));

        var refused = await AnnotateAsync("""{"text": "good"}""", "--rejects", "-");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--rejects is -, expected the name of a file", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rejected_line_is_named_on_stderr_and_costs_no_neighbour()
    {
        var result = await AnnotateAsync("{\"text\": \"good\"}\r\n\r\n{\"text\": 5}\n{\"body\": \"x\"}\n{\"text\"\n{\"text\": \"bad\"}");

        Assert.Equal(3, result.ExitCode);
        Assert.Equal(["good", "bad"], result.Lines.Select(l => Json(l).GetProperty("text").GetString()));
        Assert.Equal([2, 3, 4, 5], result.Rejects.Select(r => r.GetProperty("line").GetInt32()));
        Assert.Equal(["empty_text", "wrong_type", "missing_text", "malformed_payload"], result.Rejects.Select(r => r.GetProperty("reason").GetString()));
        Assert.All(result.Rejects, r => Assert.Equal("dead-letter.v1", r.GetProperty("schema").GetString()));
        Assert.Equal("{\"text\": 5}", Encoding.UTF8.GetString(result.Rejects[1].GetProperty("payload").GetBytesFromBase64()));
    }

    [Fact]
    public async Task Text_lines_become_objects_and_bad_bytes_a_rejection()
    {
        var result = await AnnotateAsync([.. "\uFEFFthe cat\r\n"u8, 0xFF, (byte)'\n', .. "a \"dog\"\n"u8], "--format", "text");

        Assert.Equal(3, result.ExitCode);
        Assert.Equal(["the cat", "a \"dog\""], result.Lines.Select(l => Json(l).GetProperty("text").GetString()));
        Assert.Equal("invalid_utf8", Assert.Single(result.Rejects).GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Gzip_is_recognised_by_content_from_a_file_and_from_stdin()
    {
        var zipped = Gzip("{\"text\": \"the cat\"}\n");
        var file = Path.Combine(_folder, "not-called-gz");
        await File.WriteAllBytesAsync(file, zipped);

        var fromStdin = await AnnotateAsync(zipped);
        var fromFile = await Cli.RunAsync("", "annotate", file, "--model", _package.Folder);

        Assert.Equal(0, fromStdin.ExitCode);
        Assert.Single(fromStdin.Lines);
        Assert.Equal(fromStdin.Lines, fromFile.Lines);
    }

    [Fact]
    public async Task Results_and_rejects_go_where_they_are_told()
    {
        var (output, rejects) = (Path.Combine(_folder, "out"), Path.Combine(_folder, "rejects"));

        var result = await AnnotateAsync("{\"text\": \"good\"}\n{}\n", "--out", output, "--rejects", rejects);

        Assert.Equal(3, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.Single(await File.ReadAllLinesAsync(output));
        Assert.Equal(2, Json(Assert.Single(await File.ReadAllLinesAsync(rejects))).GetProperty("line").GetInt32());
    }

    [Fact]
    public async Task Tasks_pointer_and_scores_are_as_asked_for()
    {
        var result = await AnnotateAsync("{\"m\": {\"body\": \"the cat\"}}", "--text-field", "/m/body", "--tasks", "mood", "--all-scores");

        var tasks = Json(Assert.Single(result.Lines)).GetProperty("analysis").GetProperty("tasks");
        Assert.Equal("mood", Assert.Single(tasks.EnumerateObject()).Name);
        Assert.Equal(3, tasks.GetProperty("mood").GetProperty("scores").EnumerateObject().Count());
    }

    [Fact]
    public async Task A_task_that_the_model_has_not_is_wrong_usage()
    {
        var result = await AnnotateAsync("", "--tasks", "mood,size");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("size", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pointer_that_is_none_is_called_by_the_name_of_its_option()
    {
        var result = await AnnotateAsync("", "--text-field", "text");

        Assert.Equal(2, result.ExitCode);
        Assert.Equal("mtlstream: --text-field: found \"text\", expected a JSON pointer that starts with '/', such as /text or /message/body.\n", result.Error);
    }

    [Fact]
    public async Task A_text_longer_than_the_model_is_analysed_in_windows()
    {
        var text = string.Join(' ', Enumerable.Repeat("anna is in paris .", 200));

        var result = await AnnotateAsync(JsonSerializer.Serialize(new { text }));

        var analysis = Json(Assert.Single(result.Lines)).GetProperty("analysis");
        Assert.False(analysis.GetProperty("truncated").GetBoolean());
        Assert.Equal(1000, analysis.GetProperty("tasks").GetProperty("tags").GetProperty("tags").GetArrayLength());
    }

    [Fact]
    public async Task The_output_never_overwrites_the_input()
    {
        var file = Path.Combine(_folder, "in");
        await File.WriteAllTextAsync(file, "{\"text\": \"good\"}\n");

        var result = await Cli.RunAsync("", "annotate", file, "--out", file, "--model", _package.Folder);

        Assert.Equal(2, result.ExitCode);
        Assert.Equal("{\"text\": \"good\"}\n", await File.ReadAllTextAsync(file));
    }

    [Theory]
    [InlineData("ln -s in out; mtlstream annotate in --out out")]
    [InlineData("ln in out; mtlstream annotate in --out out")]
    [InlineData("mtlstream annotate - --out /proc/self/fd/0 < in")]
    [InlineData("ln -s in link; ln in out; mtlstream annotate link --out out")]
    [InlineData("ln -s in out; mtlstream annotate in --out other --rejects out")]
    [InlineData("ln -s in out; mtlstream annotate - --rejects out < in")]
    public async Task The_output_never_overwrites_the_input_by_another_name(string script)
    {
        var file = Path.Combine(_folder, "in");
        await File.WriteAllTextAsync(file, "{\"text\": \"good\"}\n");

        var (code, error) = await ShellAsync(script);

        Assert.Equal(2, code);
        Assert.Contains("is a file that is read or written already", error, StringComparison.Ordinal);
        Assert.Equal("{\"text\": \"good\"}\n", await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task Two_outputs_are_two_files()
    {
        var (code, _) = await ShellAsync("echo '{\"text\": \"good\"}' > in; touch out; ln out link; mtlstream annotate in --out out --rejects link");

        Assert.Equal(2, code);
    }

    [Fact]
    public async Task A_link_to_another_file_is_an_output_like_any()
    {
        var (code, error) = await ShellAsync("echo '{\"text\": \"good\"}' > in; echo 'what was there before, which is longer' > old; ln -s old out; mtlstream annotate in --out out");

        Assert.True(code == 0, error);
        var lines = await File.ReadAllLinesAsync(Path.Combine(_folder, "old"));
        Assert.Contains("\"analysis\"", Assert.Single(lines), StringComparison.Ordinal);
    }

    /// <summary>Runs a script in the test's folder, where <c>mtlstream</c> is the program with the toy model.</summary>
    private async Task<(int Code, string Error)> ShellAsync(string script)
    {
        var start = new System.Diagnostics.ProcessStartInfo("bash", ["-c", $"mtlstream() {{ '{Cli.Program}' \"$@\" --model '{_package.Folder}' --device cpu; }}; {script}"])
        {
            WorkingDirectory = _folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var shell = new OwnedProcess(start);
        var output = shell.StandardOutput.ReadToEndAsync();
        var error = await shell.StandardError.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(3));
        await shell.WaitForExitAsync();
        await output;
        return (shell.ExitCode, error);
    }

    [Fact]
    public async Task A_reader_that_goes_away_ends_the_command_tidily()
    {
        using var process = Cli.Start("annotate", "-", "--model", _package.Folder, "--rejects", Path.Combine(_folder, "rejects"));
        var error = process.StandardError.ReadToEndAsync();
        var feeding = FeedAsync(process.StandardInput);

        await process.StandardOutput.ReadLineAsync();
        process.StandardOutput.Close();

        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        await feeding;
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("the reader of the output went away", await error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", await error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_is_not_called_a_reader_that_went_away()
    {
        var result = await AnnotateAsync("{\"text\": \"good\"}", "--out", "/dev/full");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("No space left on device", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_finishes_what_was_read_and_says_that_the_end_was_not_reached()
    {
        using var process = Cli.Start("annotate", "-", "--model", _package.Folder);
        await process.StandardInput.WriteAsync("{\"text\": \"good\"}\n");
        await process.StandardInput.FlushAsync();
        var first = await process.StandardOutput.ReadLineAsync();

        Cli.Signal(process, "TERM");

        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        Assert.Contains("analysis", first, StringComparison.Ordinal);
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("stopped after line 1", await process.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
    }

    private static async Task FeedAsync(StreamWriter input)
    {
        try
        {
            while (true) await input.WriteAsync("{\"text\": \"good\"}\n");
        }
        catch (IOException)
        {
            // The command ended.
        }
    }

    private static JsonElement Json(string line) => JsonSerializer.Deserialize<JsonElement>(line);

    private static byte[] Gzip(string content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest)) gzip.Write(Encoding.UTF8.GetBytes(content));
        return output.ToArray();
    }

    private Task<CliResult> AnnotateAsync(string input, params string[] more) => AnnotateAsync(Encoding.UTF8.GetBytes(input), more);

    private Task<CliResult> AnnotateAsync(byte[] input, params string[] more) =>
        Cli.RunAsync(input, ["annotate", "-", "--model", _package.Folder, .. more]);
}
