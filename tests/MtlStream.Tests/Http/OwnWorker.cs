using System.Diagnostics;
using System.Text.RegularExpressions;
using MtlStream.Kafka;
using MtlStream.Tests.Host;

namespace MtlStream.Tests.Http;

/// <summary>A worker as a process of its own, with a broker inside this one, that requests can be sent to.</summary>
internal sealed partial class OwnWorker : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly MockCluster _cluster = new();
    private readonly TaskCompletionSource<Uri> _address = new();
    private readonly Process _process;

    private OwnWorker(string model, string[] settings)
    {
        foreach (var topic in new[] { "in", "out", "dead" }) _cluster.CreateTopic(topic, 1);
        _process = Cli.Start([
            "run", $"--Kafka:BootstrapServers={_cluster.BootstrapServers}", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out",
            "--Kafka:DeadLetterTopic=dead", $"--Model:Path={model}", "--Model:Device=cpu", "--Http:Url=http://127.0.0.1:0", "--Http:Annotate=true", .. settings]);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
    }

    public string BootstrapServers => _cluster.BootstrapServers;

    public static OwnWorker Start(string model, params string[] settings) => new(model, settings);

    public Task<Uri> AddressAsync() => _address.Task.WaitAsync(s_patience);

    /// <summary>Returns when the worker takes events.</summary>
    public async Task ReadyAsync(HttpClient client)
    {
        var ready = false;
        while (!ready)
        {
            Assert.False(_process.HasExited, "The worker has ended.");
            using var answer = await client.GetAsync("/health/ready");
            ready = answer.IsSuccessStatusCode;
            if (!ready) await Task.Delay(20);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _cluster.Dispose();
    }

    private void Note(string? line)
    {
        if (line is not null && Address().Match(line) is { Success: true } match) _address.TrySetResult(new(match.Groups[1].Value));
    }

    [GeneratedRegex("Health endpoints at (http://[^/]+/)")]
    private static partial Regex Address();
}
