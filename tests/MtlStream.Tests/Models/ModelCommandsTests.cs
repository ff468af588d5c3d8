using System.Text.Json.Nodes;
using System.Text.Json;
using MtlStream.Host;

namespace MtlStream.Tests.Models;

public sealed class ModelCommandsTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.Parse(args).InvokeAsync(new() { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        return (code, output.ToString(), error.ToString());
    }

    private static JsonElement LastLine(string output) => JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement;

    [Fact]
    public async Task Verify_finds_nothing_in_a_good_package_and_says_what_it_could_not_check()
    {
        var (code, output, error) = await RunAsync("model", "verify", _package.Folder);

        Assert.Equal(0, code);
        Assert.Contains("verified, nothing found", output, StringComparison.Ordinal);
        Assert.Contains("names no expected outputs", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_names_a_corrupt_file_and_exits_1()
    {
        var weights = File.ReadAllBytes(_package.At("weights.bin"));
        weights[100] ^= 1;
        File.WriteAllBytes(_package.At("weights.bin"), weights);

        var (code, output, _) = await RunAsync("model", "verify", _package.Folder);

        Assert.Equal(1, code);
        Assert.Contains("weights.bin: found sha256", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_compares_tokens_and_outputs_with_the_golden_ones_within_their_tolerance()
    {
        var text = new JsonObject
        {
            ["text"] = "the Cat",
            ["input_ids"] = new JsonArray(2, 50, 48, 3),
            ["token_type_ids"] = new JsonArray(0, 0, 1, 0),
            ["outputs"] = new JsonObject
            {
                ["mood.probabilities"] = new JsonArray(0.9, 0.05, 0.05),
                ["traits.probabilities"] = new JsonArray(0.5, 0.5, 0.5, 0.5),
                ["tags.tags"] = new JsonArray(0, 9, 9, 0),
            },
        };
        var golden = new JsonObject
        {
            ["schema"] = "model-golden.v1",
            ["tolerance"] = new JsonObject { ["cpu"] = new JsonObject { ["probability"] = 0.0001, ["tagShare"] = 1 } },
            ["texts"] = new JsonArray(text),
        };
        File.WriteAllText(_package.At("golden.json"), golden.ToJsonString());
        _package.Edit(manifest => manifest["golden"] = "golden.json");

        var (code, output, _) = await RunAsync("model", "verify", _package.Folder);

        Assert.Equal(1, code);
        Assert.Contains("golden.json: texts[0]: column 1: found token", output, StringComparison.Ordinal);
        Assert.Contains("golden.json: texts[0]: task mood, label ", output, StringComparison.Ordinal);
        Assert.Contains("golden.json: task tags: found 0 of 2 tags equal, expected a share of 1.", output, StringComparison.Ordinal);
        Assert.Contains("golden.json: texts[0].outputs: found no names.tags.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_names_the_files_in_use_that_nothing_vouches_for()
    {
        File.WriteAllText(_package.At("notes.txt"), "not in use");
        _package.Expect(tolerance: 1).Edit(manifest => manifest["checksums"] = new JsonObject());

        var (code, _, error) = await RunAsync("model", "verify", _package.Folder);

        Assert.Equal(0, code);
        Assert.Equal(
            new[] { "golden.json", "model.cpu.onnx", "vocab.txt", "weights.bin" }.Select(f => $"{f}: the manifest states no checksum; not checked."),
            error.TrimEnd().Split(Environment.NewLine));
    }

    [Theory]
    [InlineData("input_ids", "texts[0].input_ids: found 0, expected at least [CLS] and [SEP].")]
    [InlineData("token_type_ids", "texts[0].token_type_ids: found 0, expected 4, one for each of the input_ids.")]
    [InlineData("text", "texts[0].text: missing.")]
    [InlineData("outputs", "texts[0].outputs: missing, expected the values of each output.")]
    [InlineData("tolerance", "tolerance: missing, expected one for each device.")]
    public async Task Verify_names_what_golden_outputs_lack(string member, string finding)
    {
        _package.Expect(tolerance: 1, golden =>
        {
            golden.Remove(member);
            golden["texts"]![0]!.AsObject().Remove(member);
        });

        var (code, output, _) = await RunAsync("model", "verify", _package.Folder);

        Assert.Equal(1, code);
        Assert.StartsWith($"{_package.At("golden.json")}: {finding}", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_names_golden_tags_that_are_not_one_for_each_token()
    {
        _package.Expect(tolerance: 1, golden => golden["texts"]![0]!["outputs"]!["tags.tags"] = new JsonArray(0, 1, 1, 1, 1, 0));

        var (code, output, _) = await RunAsync("model", "verify", _package.Folder);

        Assert.Equal(1, code);
        Assert.Contains("golden.json: texts[0].outputs.tags.tags: found 6, expected 4, one for each of the input_ids.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_shows_tasks_labels_provenance_and_scores()
    {
        var (code, output, _) = await RunAsync("model", "inspect", _package.Folder);

        Assert.Equal(0, code);
        Assert.Contains("toy 1.0.0", output, StringComparison.Ordinal);
        Assert.Contains("traits   multi_label, 4 labels", output, StringComparison.Ordinal);
        Assert.Contains("labels: red green blue grey", output, StringComparison.Ordinal);
        Assert.Contains("trained on: made up (Apache-2.0) make.py", output, StringComparison.Ordinal);
        Assert.Contains("accuracy: 50.00 % on made up", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_ends_with_one_json_object_when_asked_to()
    {
        var (_, output, _) = await RunAsync("model", "inspect", _package.Folder, "--json");

        var tasks = LastLine(output).GetProperty("tasks");
        Assert.Equal(["single_label", "multi_label", "token_tags", "token_spans"], tasks.EnumerateArray().Select(t => t.GetProperty("kind").GetString()));
    }

    [Fact]
    public async Task Bench_model_reports_its_grid_and_the_best_of_it()
    {
        var (code, output, _) = await RunAsync("bench", "model", "--model", _package.Folder, "--device", "cpu", "--seconds", "0.01", "--json");

        var report = LastLine(output);
        var grid = report.GetProperty("grid").EnumerateArray().ToList();
        Assert.Equal(0, code);
        Assert.Equal("cpu", report.GetProperty("device").GetString());
        Assert.Equal([(1, 16), (8, 16), (1, 32), (8, 32), (1, 64), (8, 64)], grid.Select(c => (c.GetProperty("rows").GetInt32(), c.GetProperty("columns").GetInt32())));
        Assert.Equal(grid.Max(c => c.GetProperty("tokensPerSecond").GetDouble()), report.GetProperty("tokensPerSecond").GetDouble());
        Assert.True(report.GetProperty("eventsPerSecond").GetDouble() > 0);
    }
}
