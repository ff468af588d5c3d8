namespace MtlStream.Tests.Eng;

/// <summary>What <c>deploy/generator.sh</c> sends to Kafka, with a producer that only prints.</summary>
public sealed class GeneratorScriptTests : IDisposable
{
    private readonly ScriptSandbox _sandbox = new();

    [Fact]
    public async Task The_rate_is_kept_over_all_passes_through_the_events()
    {
        const int Events = 70, Rate = 100, Seconds = 7;
        var events = _sandbox.Checkout + "/events.jsonl";
        File.WriteAllLines(events, Enumerable.Range(0, Events).Select(i => $$"""{"text": "event {{i}}"}"""));
        _sandbox.Fake("sleep", "echo a second"); // among the lines that the producer gets
        _sandbox.Fake("producer", $"head -n {Seconds * (Rate + 1)}");

        var outcome = await _sandbox.RunAsync("deploy/generator.sh", [], ("EVENTS_PER_SECOND", $"{Rate}"), ("EVENTS", events), ("PRODUCER", "producer"));

        Assert.Equal(0, outcome.Code);
        var seconds = outcome.Output.TrimEnd('\n').Split('\n').Chunk(Rate + 1).ToList();
        Assert.Equal(Seconds, seconds.Count);
        Assert.All(seconds, lines => Assert.Equal("a second", lines[^1]));
        Assert.All(seconds.SelectMany(s => s[..^1]).Index(), line =>
            Assert.Matches($$"""^traceparent:00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\t\{"text": "event {{line.Index % Events}}"\}$""", line.Item));
    }

    public void Dispose() => _sandbox.Dispose();
}
