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
