using System.Text.Json;
using MtlStream.Tests.Host;
using MtlStream.Tests.Inference;

namespace MtlStream.Tests.Measuring;

public sealed class BenchCommandTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly string _events = Path.GetTempFileName();

    public BenchCommandTests() =>
        File.WriteAllLines(_events, Enumerable.Range(0, 1000).Select(i => JsonSerializer.Serialize(new { text = string.Join(' ', Enumerable.Repeat("good", (i % 7) + 1)) })));

    public void Dispose()
    {
        _package.Dispose();
        File.Delete(_events);
    }

    private async Task<JsonElement> ReportAsync(string command, params string[] arguments)
    {
        var result = await Cli.RunAsync("", ["bench", command, "--input", _events, "--model", _package.Folder, "--json", .. arguments]);
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonSerializer.Deserialize<JsonElement>(result.Lines[^1]);
    }

    [Fact]
    public async Task One_text_a_call_computes_no_padding_and_several_do()
    {
        string[] small = ["--device", "cpu", "--events", "300", "--repetitions", "1", "--seconds", "0.1"];
        var single = await ReportAsync("pipeline", small);
        var several = await ReportAsync("pipeline", [.. small, "--Model:RowsPerCall=8", "--Batching:LookAhead=8"]);

        Assert.Equal(0, single.GetProperty("paddingShare").GetDouble());
        Assert.True(several.GetProperty("paddingShare").GetDouble() > 0);
        Assert.All(new[] { single, several }, report =>
        {
            Assert.Equal(300, report.GetProperty("events").GetInt64());
            Assert.Equal(0, report.GetProperty("rejected").GetInt64());
            Assert.True(report.GetProperty("eventsPerSecond").GetDouble() > 0);
            Assert.True(report.GetProperty("ceilingShare").GetDouble() > 0);
            Assert.True(report.GetProperty("p99Ms").GetDouble() >= report.GetProperty("p50Ms").GetDouble());
        });
    }

    [Fact]
    public async Task The_worker_is_measured_from_topic_to_topic_on_the_embedded_broker()
    {
        var report = await ReportAsync(
            "kafka", "--bootstrap", "embedded", "--null-model", "--delivery", "exactly-once", "--events", "30000", "--repetitions", "1", "--paced-seconds", "0.3");

        Assert.True(report.GetProperty("eventsPerSecond").GetDouble() > 0);
        Assert.True(report.GetProperty("passthroughShare").GetDouble() > 0);
        Assert.True(report.GetProperty("exactlyOnceShare").GetDouble() > 0);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("ceilingShare").ValueKind);
        Assert.InRange(report.GetProperty("p50Ms").GetDouble(), 0.01, report.GetProperty("p99Ms").GetDouble());
        Assert.True(report.GetProperty("addedBytes").GetInt32() > 0);
    }

    [Fact]
    public async Task Tokenizing_allocates_nothing()
    {
        var report = await ReportAsync("tokenizer", "--seconds", "0.1", "--repetitions", "1");

        Assert.True(report.GetProperty("tokensPerSecond").GetDouble() > 0);
        Assert.InRange(report.GetProperty("allocatedBytesPerEvent").GetDouble(), 0, 1);
    }
}
