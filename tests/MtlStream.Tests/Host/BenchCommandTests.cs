using System.Text.Json;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class BenchCommandTests : IDisposable
{
    private static readonly string[] s_quick = ["--seconds", "0.3", "--repetitions", "1"];

    private readonly ToyPackage _package = new();
    private readonly string _input = Path.GetTempFileName();

    public BenchCommandTests() =>
        File.WriteAllLines(_input, Enumerable.Range(0, 300).Select(i => $$"""{"text": "the {{string.Join(' ', Enumerable.Repeat("cat", 1 + (i % 40)))}} is {{i}} good"}"""));

    public void Dispose()
    {
        _package.Dispose();
        File.Delete(_input);
    }

    [Fact]
    public async Task The_pipeline_is_measured_against_the_model_alone()
    {
        var report = await ReportAsync("pipeline", [.. s_quick, "--device", "cpu"]);

        foreach (var name in new[] { "eventsPerSecond", "tokensPerSecond", "ceilingShare", "p50Ms", "p99Ms", "allocatedBytesPerEvent" })
            Assert.True(report.GetProperty(name).GetDouble() > 0, $"{name} in {report}");
        Assert.Equal(0, report.GetProperty("paddingShare").GetDouble());
        var share = report.GetProperty("eventsPerSecond").GetDouble() / report.GetProperty("ceilingEventsPerSecond").GetDouble();
        Assert.Equal(report.GetProperty("ceilingShare").GetDouble(), share, 0.02);
    }

    [Fact]
    public async Task Batching_settings_change_what_is_measured()
    {
        var report = await ReportAsync("pipeline", [.. s_quick, "--device", "cpu", "--Model:RowsPerCall=16", "--Batching:MaxRows=16"]);

        Assert.InRange(report.GetProperty("paddingShare").GetDouble(), 0.0001, 0.9);
    }

    [Fact]
    public async Task Every_repetition_measures_the_same_events()
    {
        File.WriteAllLines(_input, Enumerable.Range(0, 900).Select(i => $$"""{"text":"{{(i < 300 ? "short" : "a much longer text than those before it")}}"}"""));

        var once = await ReportAsync("pipeline", "--device", "cpu", "--events", "300", "--repetitions", "1");
        var thrice = await ReportAsync("pipeline", "--device", "cpu", "--events", "300", "--repetitions", "3");

        Assert.Equal(once.GetProperty("tokensPerEvent").GetDouble(), thrice.GetProperty("tokensPerEvent").GetDouble());
    }

    [Fact]
    public async Task The_tokenizer_allocates_nothing_worth_the_name()
    {
        var report = await ReportAsync("tokenizer", s_quick);

        Assert.True(report.GetProperty("tokensPerSecond").GetDouble() > 0);
        Assert.True(report.GetProperty("megabytesPerSecond").GetDouble() > 0);
        Assert.InRange(report.GetProperty("allocatedBytesPerEvent").GetDouble(), 0, 16);
    }

    [Fact]
    public async Task Without_input_or_with_an_unknown_setting_nothing_is_measured()
    {
        File.WriteAllText(_input, "");

        Assert.Equal(2, (await Cli.RunAsync("", "bench", "pipeline", "--input", _input, "--model", _package.Folder)).ExitCode);
        Assert.Equal(2, (await Cli.RunAsync("", "bench", "pipeline", "--input", _input, "--Batching:Rows=1")).ExitCode);
        Assert.Equal(2, (await Cli.RunAsync("", "bench", "kafka", "--input", _input)).ExitCode);
    }

    [Theory]
    [InlineData("pipeline")]
    [InlineData("tokenizer")]
    public async Task Lines_without_a_text_and_numbers_that_measure_nothing_are_refused(string command)
    {
        var nothing = await Cli.RunAsync("", "bench", command, "--input", _input, "--model", _package.Folder, "--repetitions", "0");
        Assert.Equal(2, nothing.ExitCode);
        Assert.Contains("--repetitions is 0, expected a number above zero", nothing.Error, StringComparison.Ordinal);

        File.WriteAllText(_input, "plain text\nand more of it\n");
        var plain = await Cli.RunAsync("", "bench", command, "--input", _input, "--model", _package.Folder);
        Assert.Equal(2, plain.ExitCode);
        Assert.Contains("none of its 2 lines has a text to measure with; the first: ", plain.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_text_a_call_computes_no_padding_and_several_do()
    {
        string[] small = [.. s_quick, "--device", "cpu", "--events", "300"];
        var single = await ReportAsync("pipeline", small);
        var several = await ReportAsync("pipeline", [.. small, "--Model:RowsPerCall=8", "--Batching:LookAhead=8"]);

        Assert.Equal(0, single.GetProperty("paddingShare").GetDouble());
        Assert.True(several.GetProperty("paddingShare").GetDouble() > 0);
        Assert.All(new[] { single, several }, report =>
        {
            Assert.Equal(300, report.GetProperty("events").GetInt64());
            Assert.Equal(0, report.GetProperty("rejected").GetInt64());
            Assert.True(report.GetProperty("p99Ms").GetDouble() >= report.GetProperty("p50Ms").GetDouble());
        });
    }

    [Fact]
    public async Task The_worker_is_measured_from_topic_to_topic_on_the_embedded_broker()
    {
        var report = await ReportAsync(
            "kafka", "--bootstrap", "embedded", "--null-model", "--delivery", "exactly-once", "--events", "30000", "--repetitions", "1", "--paced-seconds", "0.3");

        foreach (var name in new[] { "eventsPerSecond", "passthroughShare", "exactlyOnceShare", "addedBytes" })
            Assert.True(report.GetProperty(name).GetDouble() > 0, $"{name} in {report}");
        Assert.Equal(JsonValueKind.Null, report.GetProperty("ceilingShare").ValueKind);
        Assert.InRange(report.GetProperty("p50Ms").GetDouble(), 0.01, report.GetProperty("p99Ms").GetDouble());
    }

    [Fact]
    public async Task A_model_that_fails_under_measurement_is_named_with_the_batch()
    {
        File.AppendAllLines(_package.At("vocab.txt"), ["train", "station", "office", "answer", "driver", "screen", "glacier"]); // which the graph has no vectors for
        _package.Edit(_ => { });

        var result = await Cli.RunAsync("", "bench", "model", "--model", _package.Folder, "--device", "cpu", "--seconds", "0.05");

        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"\d+ x \d+: .*out of data bounds", result.Error);
    }

    private async Task<JsonElement> ReportAsync(string command, params string[] more)
    {
        var result = await Cli.RunAsync("", ["bench", command, "--input", _input, "--model", _package.Folder, "--json", .. more]);
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonSerializer.Deserialize<JsonElement>(result.Lines[^1]);
    }
}
