using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

/// <summary>What <c>annotate</c> reads beside lines of JSON, and what it says of its work.</summary>
public sealed class AnnotateFilesTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-annotate").FullName;

    public void Dispose()
    {
        _package.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("text,id\nthe cat,1\n")]
    [InlineData("\uFEFFid;text\r\n1;the cat\r\n")]
    [InlineData("id\ttext\n1\tthe cat")]
    [InlineData("\"text\"\n\"the cat\"\n")]
    [InlineData("id,review\n1,the cat\n", "--text-field", "review")]
    [InlineData("id,review\n1,the cat\n", "--text-field", "/review")]
    [InlineData("id,review\n1,the cat\n", "--text-field", "2")]
    [InlineData("1,the cat\n", "--text-field", "2", "--no-header")]
    [InlineData("a/b~c,d\nthe cat,1\n", "--text-field", "a/b~c")]
    [InlineData("the, cat\tx\n", "--format", "tsv", "--no-header")]
    [InlineData("{id,text\n1,the cat\n", "--format", "csv")]
    public async Task A_table_is_told_by_content_and_its_column_by_name_or_number(string table, params string[] options)
    {
        var result = await AnnotateAsync(table, options);

        Assert.True(result.ExitCode == 0, result.Error);
        var row = Json(Assert.Single(result.Lines));
        Assert.Contains(row.EnumerateObject(), member => member.Value.ValueKind == JsonValueKind.String && member.Value.GetString()!.EndsWith("cat", StringComparison.Ordinal));
        Assert.Equal(JsonValueKind.Object, row.GetProperty("analysis").ValueKind);
    }

    [Fact]
    public async Task Quotes_line_ends_and_letters_of_a_table_reach_the_text()
    {
        var result = await AnnotateAsync("text,x\n\"the \"\"cat\"\", é😀\r\nis \\ good\",5\" pipe\n\n");

        var row = Json(Assert.Single(result.Lines));
        Assert.Equal("the \"cat\", é😀\r\nis \\ good", row.GetProperty("text").GetString());
        Assert.Equal("5\" pipe", row.GetProperty("x").GetString());
    }

    [Fact]
    public async Task A_row_that_does_not_fit_costs_no_neighbour_and_is_named_by_its_line()
    {
        byte[] table = [.. "text,id\n\"the\ncat\",1\nwell, I like it,2\ngood,3,\n\xFF\n,4\na dog\n"u8];
        table[Array.IndexOf(table, (byte)0xC3)] = (byte)'a'; // "\xFF"u8 is two bytes of UTF-8
        table[Array.IndexOf(table, (byte)0xBF)] = 0xFF;

        var result = await Cli.RunAsync(table, "annotate", "-", "--model", _package.Folder);

        Assert.Equal(3, result.ExitCode);
        Assert.Equal(["the\ncat", "a dog"], result.Lines.Select(l => Json(l).GetProperty("text").GetString()));
        Assert.Equal([4, 5, 6, 7], result.Rejects.Select(r => r.GetProperty("line").GetInt32()));
        Assert.Equal(
            ["malformed_payload", "malformed_payload", "invalid_utf8", "empty_text"], result.Rejects.Select(r => r.GetProperty("reason").GetString()));
        Assert.Equal("well, I like it,2", Encoding.UTF8.GetString(result.Rejects[0].GetProperty("payload").GetBytesFromBase64()));
        Assert.StartsWith("The row has 3 fields; expected at most 2", result.Rejects[0].GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quotation_mark_that_is_never_closed_does_not_swallow_the_rest_in_silence()
    {
        var result = await AnnotateAsync("text\nthe cat\n\"open\na\nb\n");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("line 3: a quotation mark is opened and not closed", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("id,review\n1,x\n", "found the columns id, review, expected one named txt", "--text-field", "txt")]
    [InlineData("id,review\n1,x\n", "found the columns id, review, expected one named 3", "--text-field", "3")]
    [InlineData("id,review\n1,x\n", "found the columns id, review, expected one named text", "--format", "csv")]
    [InlineData("{\"text\": \"a secret\"}\n", "found the columns no. 1, expected one named text", "--format", "csv")]
    [InlineData("My secret is long: nobody may see it in a message,5\n", "found the columns no. 1, 5, expected one named text", "--format", "csv")]
    [InlineData("\u00FF\u00FE", "expected UTF-8", "--format", "csv")]
    public async Task A_table_without_the_column_is_wrong_usage(string table, string message, params string[] options)
    {
        var result = await Cli.RunAsync(Encoding.Latin1.GetBytes(table), ["annotate", "-", "--model", _package.Folder, .. options]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_is_no_file()
    {
        var result = await Cli.RunAsync("", "annotate", _folder, "--model", _package.Folder);

        Assert.Equal(2, result.ExitCode);
        Assert.EndsWith(" is a folder, expected a file to read.\n", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_become_columns_behind_those_of_the_input()
    {
        var (input, output) = (Path.Combine(_folder, "in.csv"), Path.Combine(_folder, "out.csv"));
        await File.WriteAllTextAsync(input, "id,text,mood\n1,\"the \"\"cat\"\", good\",x\n2,,\n3,anna is in paris\n");

        var result = await Cli.RunAsync("", "annotate", input, "--out", output, "--model", _package.Folder);

        Assert.Equal(3, result.ExitCode);
        var lines = await File.ReadAllLinesAsync(output);
        Assert.StartsWith("id,text,mood,", lines[0], StringComparison.Ordinal);
        Assert.Contains(",mtlstream_mood,mood_score", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("1,\"the \"\"cat\"\", good\",x,", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("3,anna is in paris,,", lines[2], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
    }

    [Fact]
    public async Task Lines_of_json_become_a_table_of_texts_and_labels()
    {
        var output = Path.Combine(_folder, "out.tsv");

        var result = await AnnotateAsync("{\"text\": \"the\\tcat\"}\n", "--out", output, "--tasks", "mood");

        Assert.True(result.ExitCode == 0, result.Error);
        var lines = await File.ReadAllLinesAsync(output);
        Assert.Equal("text\tmood\tmood_score", lines[0]);
        Assert.StartsWith("\"the\tcat\"\t", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_task_without_labels_makes_no_table_and_harms_none()
    {
        _package.Edit(manifest => manifest["tasks"]!.AsArray().Add(new JsonObject { ["name"] = "meaning", ["kind"] = "vector", ["size"] = 4, ["outputs"] = new JsonObject { ["vector"] = "traits.probabilities" } }));
        var output = Path.Combine(_folder, "out.csv");
        await File.WriteAllTextAsync(output, "what was there");

        var result = await Cli.RunAsync("{\"text\": \"good\"}", "annotate", "-", "--model", _package.Folder, "--tasks", "meaning", "--out", output);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("the task meaning has no labels for a table", result.Error, StringComparison.Ordinal);
        Assert.Equal("what was there", await File.ReadAllTextAsync(output));
    }

    [Theory]
    [InlineData("[{\"text\": \"the cat\", \"n\": 1.0},\n  \"a dog\",\r\n {\n\"text\": \"b\\nc\"}\n]\n")]
    [InlineData("[{\"text\": \"the cat\", \"n\": 1.0}, \"a dog\", {\"text\": \"b\\nc\"}]")]
    [InlineData("{\"text\": \"the cat\", \"n\": 1.0}\n\"a dog\" {\n\"text\": \"b\\nc\"}", "--format", "json")]
    public async Task Every_element_of_an_array_is_an_event_with_a_line_of_its_own(string document, params string[] options)
    {
        var result = await AnnotateAsync(document, options);

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["the cat", "a dog", "b\nc"], result.Lines.Select(l => Json(l).GetProperty("text").GetString()));
        Assert.Equal("1.0", Json(result.Lines[0]).GetProperty("n").GetRawText());
    }

    [Fact]
    public async Task Arrays_on_lines_stay_arrays_on_lines()
    {
        var result = await AnnotateAsync("[{\"text\": \"a\"}, {\"text\": \"b\"}]\n[{\"text\": \"c\"}]\n");

        Assert.Equal([2, 1], result.Lines.Select(l => Json(l).GetArrayLength()));
    }

    [Fact]
    public async Task An_array_that_breaks_off_is_named_behind_what_came_before()
    {
        var result = await AnnotateAsync("[{\"text\": \"the cat\"},\n{\"text\"");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("line 2 is not JSON", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Texts_come_from_the_first_pointer_that_leads_somewhere_or_from_all()
    {
        const string Lines = "{\"b\": \"the cat\"}\n{\"c\": 1}\n{\"a\": \"good\", \"b\": \"a dog\"}\n";

        var first = await AnnotateAsync(Lines, "--text-pointers", "/a,/b", "--without-text", "pass");
        var joined = await AnnotateAsync(Lines, "--text-pointers", "/a", "/b", "--join-texts", "--without-text", "drop");

        Assert.Equal((0, 0), (first.ExitCode, joined.ExitCode));
        Assert.Equal("{\"c\": 1}", first.Lines[1]);
        Assert.Equal(["/b", "/a"], first.Lines.Where(l => l.Contains("analysis", StringComparison.Ordinal)).Select(l => Fields(l)[0].GetProperty("pointer").GetString()));
        Assert.Equal([1, 2], joined.Lines.Select(l => Fields(l).Count));
    }

    [Theory]
    [InlineData("found --text-field and --text-pointers", "--text-field", "/a", "--text-pointers", "/a,/b")]
    [InlineData("--text-pointers: found \"b\"", "--text-pointers", "/a,b", "--format", "jsonl")]
    [InlineData("--join-texts: expected --text-pointers", "--join-texts")]
    public async Task Pointers_that_make_no_sense_are_wrong_usage(string message, params string[] options)
    {
        var result = await AnnotateAsync("{}", options);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_as_output_leaves_a_summary_on_stderr()
    {
        var (output, rejects) = (Path.Combine(_folder, "out"), Path.Combine(_folder, "rejects"));

        var result = await AnnotateAsync("{\"text\": \"good\"}\n{}\n{\"text\": \"\"}\n{}\n", "--out", output, "--rejects", rejects);

        Assert.StartsWith("4 texts, 3 rejected (missing_text 2, empty_text 1), ", result.Error, StringComparison.Ordinal);
        Assert.EndsWith(" texts/s\n", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("annotate -")]
    [InlineData("tokenize -")]
    public async Task Whoever_starts_it_on_an_empty_terminal_is_told_what_it_waits_for(string command)
    {
        using var terminal = new OwnedProcess(new(
            "script", ["-qec", $"'{Cli.Program}' {command} --model '{_package.Folder}'", "/dev/null"])
        {
            RedirectStandardOutput = true, RedirectStandardInput = true,
        });

        var first = await terminal.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(3));

        Assert.Contains("mtlstream: reading from the terminal, a line for each event; Ctrl+D ends the input", first, StringComparison.Ordinal);
    }

    private static IReadOnlyList<JsonElement> Fields(string line) => [.. Json(line).GetProperty("analysis").GetProperty("fields").EnumerateArray()];

    private static JsonElement Json(string line) => JsonSerializer.Deserialize<JsonElement>(line);

    private Task<CliResult> AnnotateAsync(string input, params string[] more) =>
        Cli.RunAsync(input, ["annotate", "-", "--model", _package.Folder, "--device", "cpu", .. more]);
}
