using System.Text.Json;
using MtlStream.Host.Lines;
using MtlStream.Host.Measuring;
using MtlStream.Tests.Inference;

namespace MtlStream.Tests.Host;

public sealed class BenchCommandTests : IDisposable
{
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
        var report = await ReportAsync("pipeline", "--device", "cpu");

        foreach (var name in new[] { "eventsPerSecond", "tokensPerSecond", "ceilingShare", "p50Ms", "p99Ms", "allocatedBytesPerEvent" })
            Assert.True(report.GetProperty(name).GetDouble() > 0, $"{name} in {report}");
        Assert.Equal(0, report.GetProperty("paddingShare").GetDouble());
        var share = report.GetProperty("eventsPerSecond").GetDouble() / report.GetProperty("ceilingEventsPerSecond").GetDouble();
        Assert.Equal(report.GetProperty("ceilingShare").GetDouble(), share, 0.02);
    }

    [Fact]
    public async Task Batching_settings_change_what_is_measured()
    {
        var report = await ReportAsync("pipeline", "--device", "cpu", "--Model:RowsPerCall=16", "--Batching:MaxRows=16");

        Assert.InRange(report.GetProperty("paddingShare").GetDouble(), 0.0001, 0.9);
    }

    [Fact]
    public async Task The_tokenizer_allocates_nothing_worth_the_name()
    {
        var report = await ReportAsync("tokenizer");

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

    [Fact]
    public void Percentiles_are_within_two_percent()
    {
        var histogram = new LatencyHistogram();
        foreach (var milliseconds in Enumerable.Range(1, 10_000)) histogram.Record(milliseconds / 10d);

        Assert.InRange(histogram.Percentile(0.5), 500 * 0.98, 500 * 1.02);
        Assert.InRange(histogram.Percentile(0.99), 990 * 0.98, 990 * 1.02);
        Assert.Equal(0, new LatencyHistogram().Percentile(0.5));
    }

    [Theory]
    [InlineData(0.25, "[######..................] 25 % 1,000 lines, 3 rejected, 100 lines/s, 00:00:30 left")]
    [InlineData(1.0, "[########################] 100 % 1,000 lines, 3 rejected, 100 lines/s")]
    [InlineData(null, "1,000 lines, 3 rejected, 100 lines/s")]
    public void The_progress_bar_says_how_far_how_fast_and_how_long_still(double? share, string line) =>
        Assert.Equal(line, ProgressBar.Render(1000, 3, share, TimeSpan.FromSeconds(10)));

    private async Task<JsonElement> ReportAsync(string command, params string[] more)
    {
        var result = await Cli.RunAsync(
            "", ["bench", command, "--input", _input, "--model", _package.Folder, "--seconds", "0.3", "--repetitions", "1", "--json", .. more]);
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonSerializer.Deserialize<JsonElement>(result.Lines[^1]);
    }
}
