using System.Text.Json;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class TokenizeCommandTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task Each_line_shows_its_tokens_with_ids_offsets_and_letter_case()
    {
        var result = await Cli.RunAsync("{\"text\": \"The cats.\"}\n{\"text\": \"\"}\n\n", "tokenize", "--model", _package.Folder);

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3, result.Lines.Count);
        var first = JsonSerializer.Deserialize<JsonElement>(result.Lines[0]);
        Assert.Equal(["the", "cat", "##s", "."], first.GetProperty("tokens").Deserialize<string[]>()!);
        Assert.Equal([[0, 3], [4, 7], [7, 8], [8, 9]], first.GetProperty("offsets").Deserialize<int[][]>());
        Assert.Equal([1, 0, 0, 0], first.GetProperty("case").Deserialize<int[]>()!);
        Assert.Equal(4, first.GetProperty("ids").GetArrayLength());
        Assert.False(first.TryGetProperty("words", out _));
        Assert.All(result.Lines.Skip(1), l => Assert.Equal("""{"tokens":[],"ids":[],"offsets":[],"case":[]}""", l));
    }

    [Fact]
    public async Task With_words_the_text_is_split_as_for_the_model()
    {
        var result = await Cli.RunAsync("don't\n", "tokenize", "-", "--format", "text", "--words", "--model", _package.Folder);

        var line = JsonSerializer.Deserialize<JsonElement>(Assert.Single(result.Lines));
        Assert.Equal([[0, 2], [2, 5]], line.GetProperty("words").Deserialize<int[][]>());
    }

    [Fact]
    public async Task Words_that_are_given_are_not_looked_for_and_each_says_which_token_begins_it()
    {
        var result = await Cli.RunAsync(
            "{\"words\": [\"don't\", \"\\u0000\", \"cats\"]}\n{\"text\": \"don't\", \"words\": [\"cat\"]}\n{\"words\": []}\n",
            "tokenize", "--words", "--model", _package.Folder);

        Assert.Equal(0, result.ExitCode);
        var given = JsonSerializer.Deserialize<JsonElement>(result.Lines[0]);
        Assert.Equal([[0, 5], [6, 7], [8, 12]], given.GetProperty("words").Deserialize<int[][]>());
        var first = given.GetProperty("first").Deserialize<int[]>()!;
        Assert.Equal((0, -1, "cat"), (first[0], first[1], given.GetProperty("tokens")[first[2]].GetString()));
        var text = JsonSerializer.Deserialize<JsonElement>(result.Lines[1]);
        Assert.Equal([[0, 2], [2, 5]], text.GetProperty("words").Deserialize<int[][]>());
        Assert.Equal("""{"tokens":[],"ids":[],"offsets":[],"case":[],"words":[],"first":[]}""", result.Lines[2]);
    }

    [Fact]
    public async Task A_vocabulary_can_be_given_in_place_of_the_packages()
    {
        var vocabulary = _package.At("other.txt");
        File.WriteAllText(vocabulary, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nca\n##t\n");

        var result = await Cli.RunAsync("{\"text\": \"Cat\"}\n", "tokenize", "--vocab", vocabulary, "--model", _package.Folder);

        var line = JsonSerializer.Deserialize<JsonElement>(Assert.Single(result.Lines));
        Assert.Equal(["ca", "##t"], line.GetProperty("tokens").Deserialize<string[]>()!);
    }

    [Fact]
    public async Task Neither_windows_nor_limits_cut_a_long_text()
    {
        var result = await Cli.RunAsync(string.Concat(Enumerable.Repeat("cat ", 20_000)), "tokenize", "-", "--format", "text", "--model", _package.Folder);

        Assert.Equal(20_000, JsonSerializer.Deserialize<JsonElement>(Assert.Single(result.Lines)).GetProperty("ids").GetArrayLength());
    }

    [Fact]
    public async Task An_unpaired_surrogate_counts_as_the_replacement_character()
    {
        var result = await Cli.RunAsync("{\"text\": \"cat \\ud83d dog\"}\n{\"text\": \"cat \\ufffd dog\"}\n", "tokenize", "--model", _package.Folder);

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(result.Lines[1], result.Lines[0]);
    }

    [Fact]
    public async Task A_line_without_a_text_ends_the_command_and_is_named()
    {
        var result = await Cli.RunAsync("{\"text\": \"cat\"}\n{}\n", "tokenize", "--model", _package.Folder);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith("mtlstream: line 2: ", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Lines);
    }
}
