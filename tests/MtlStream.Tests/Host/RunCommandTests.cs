using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text;
using Confluent.Kafka;
using MtlStream.Host.Configuration;
using MtlStream.Host;
using MtlStream.Kafka;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class RunCommandTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly ToyPackage _package = new();
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<Uri> _address = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task The_worker_enriches_reports_ready_and_ends_with_the_signal()
    {
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, 2);
        using var process = StartWorker(cluster.BootstrapServers);
        using var health = new HttpClient { BaseAddress = await _address.Task.WaitAsync(s_patience) };
        Assert.Equal(HttpStatusCode.OK, await WaitForAsync(health, "/health/ready", HttpStatusCode.OK));

        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = cluster.BootstrapServers }).Build();
        for (var i = 0; i < 20; i++) await producer.ProduceAsync("in", new() { Key = $"{i}", Value = i == 7 ? "not json" : $$"""{"text": "cat {{i}}"}""" });

        var results = Consume(cluster.BootstrapServers, "out", 19);
        var dead = Assert.Single(Consume(cluster.BootstrapServers, "dead", 1));
        Assert.All(results, r => Assert.Equal("toy", JsonSerializer.Deserialize<JsonElement>(r.Message.Value).GetProperty("analysis").GetProperty("model").GetProperty("name").GetString()));
        Assert.Equal(("7", "not json"), (dead.Message.Key, dead.Message.Value));

        Cli.Signal(process, "TERM");
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.True(process.ExitCode == 0, _log.ToString());
        Assert.Contains("Pipeline drained and stopped.", _log.ToString(), StringComparison.Ordinal);
        Assert.Contains(" 1 rejected as malformed_payload, for example in [", _log.ToString(), StringComparison.Ordinal);
        Assert.Contains("In all: 19 events published, 1 rejected (malformed_payload 1), in 0.00:", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_worker_says_how_it_is_and_has_metrics_for_prometheus_by_the_names_of_the_alerts()
    {
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, 2);
        using var process = StartWorker(cluster.BootstrapServers, "--Http:Metrics=true");
        var address = await _address.Task.WaitAsync(s_patience);
        using var client = new HttpClient { BaseAddress = address };
        Assert.Equal(HttpStatusCode.OK, await WaitForAsync(client, "/health/ready", HttpStatusCode.OK));
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = cluster.BootstrapServers }).Build();
        foreach (var value in new[] { "not json", """{"text": "cat"}""" }) await producer.ProduceAsync("in", new() { Key = "1", Value = value });
        Consume(cluster.BootstrapServers, "out", 1);
        Consume(cluster.BootstrapServers, "dead", 1);

        await WaitUntilAsync(async () => (await client.GetStringAsync("/status")).Contains("\"published\":1,\"dropped\":0,\"rejected\":1,", StringComparison.Ordinal));

        var report = await Cli.RunAsync("", "status", $"--Http:Url={address.ToString().TrimEnd('/')}", "--json");
        var text = await Cli.RunAsync("", "status", $"--Http:Url={address.ToString().TrimEnd('/')}");
        var metrics = await client.GetStringAsync("/metrics");

        Assert.True(report.ExitCode == 0, report.Error);
        var status = JsonSerializer.Deserialize<JsonElement>(Assert.Single(report.Lines));
        Assert.Equal(("ready", "toy", 1), (status.GetProperty("state").GetString(), status.GetProperty("model").GetProperty("name").GetString(), status.GetProperty("published").GetInt32()));
        Assert.Equal(1, status.GetProperty("rejectedByReason").GetProperty("malformed_payload").GetInt32());
        Assert.Equal("state   ready", text.Lines[0]);
        Assert.Contains(text.Lines, l => l.EndsWith("1 published, 1 rejected (malformed_payload 1)", StringComparison.Ordinal));
        Assert.All(RuleMetrics(), name => Assert.Contains($"\n{name}{{", metrics, StringComparison.Ordinal));
    }

    /// <summary>The series that the alert rules ask for, but those of what this worker has not: a reference, a registry, answers of people.</summary>
    private static List<string> RuleMetrics()
    {
        var rules = Regex.Replace(File.ReadAllText(Path.Combine(Repository.Root, "deploy", "prometheus", "rules.yml")), @"\b(?:by|on) \([^)]*\)", "");
        string[] absent = ["drift", "registry", "quality"];
        var names = Regex.Matches(rules, "\\b(?:mtlstream|messaging)_[a-z_]+(?=[{[)])").Select(m => m.Value).Distinct()
            .Where(name => !absent.Any(part => name.Contains(part, StringComparison.Ordinal))).ToList();
        Assert.NotEmpty(names);
        return names;
    }

    [Fact]
    public async Task A_status_that_nobody_tells_is_one_line_with_what_to_do()
    {
        using var free = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var address = $"http://{free.LocalEndpoint}";
        free.Stop();

        var result = await Cli.RunAsync("", "status", $"--Http:Url={address}");

        Assert.Equal(1, result.ExitCode);
        Assert.Equal($"mtlstream: no worker answers at {address}/: Connection refused. Name another address with --Http:Url=http://127.0.0.1:PORT.", result.Error.TrimEnd());
    }

    [Fact]
    public async Task Without_a_broker_the_worker_lives_says_so_and_is_not_ready()
    {
        using var process = StartWorker("127.0.0.1:1");
        using var health = new HttpClient { BaseAddress = await _address.Task.WaitAsync(s_patience) };

        Assert.Equal(HttpStatusCode.OK, await WaitForAsync(health, "/health/startup", HttpStatusCode.OK));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await health.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await health.GetAsync("/health/live")).StatusCode);

        Cli.Signal(process, "INT");
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.True(process.ExitCode == 0, _log.ToString());
    }

    [Fact]
    public async Task A_signal_while_the_model_is_loading_ends_the_worker_with_0()
    {
        using var process = StartWorker("127.0.0.1:1");
        await _address.Task.WaitAsync(s_patience); // logged before the model is loaded

        Cli.Signal(process, "TERM");
        await process.WaitForExitAsync().WaitAsync(s_patience);

        Assert.True(process.ExitCode == 0, _log.ToString());
    }

    [Fact]
    public async Task A_stop_that_comes_before_anything_has_started_ends_the_worker_with_0()
    {
        var settings = AppSettings.From(SettingsReader.Read(null, new Dictionary<string, string>(), Arguments("127.0.0.1:1")));

        Assert.Equal(ExitCodes.Done, await RunCommand.RunAsync(settings, new(canceled: true)).WaitAsync(s_patience));
    }

    [Fact]
    public async Task What_does_not_fit_the_package_ends_the_process_with_code_2_and_one_message()
    {
        var result = await Cli.RunAsync("", ["run", .. Arguments("127.0.0.1:1"), "--Watch:LowConfidenceOf:mod=0.6"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Equal("mtlstream: Watch: found a limit for mod, expected some of mood, traits, tags, names.", result.Error.TrimEnd());
    }

    [Fact]
    public async Task A_port_that_is_taken_ends_the_process_with_code_1_and_one_line()
    {
        using var other = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        other.Start();

        var result = await Cli.RunAsync("", ["run", .. Arguments("127.0.0.1:1"), $"--Http:Url=http://{other.LocalEndpoint}"]);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"mtlstream: Http:Url: http://{other.LocalEndpoint} cannot be listened on: the port is taken by process", Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_does_not_load_ends_the_process_with_code_1()
    {
        File.WriteAllText(_package.At("weights.bin"), "cut off");
        using var process = StartWorker("127.0.0.1:1");

        await process.WaitForExitAsync().WaitAsync(s_patience);

        Assert.Equal(1, process.ExitCode);
        Assert.Contains("weights.bin", _log.ToString(), StringComparison.Ordinal);
    }

    private string[] Arguments(string bootstrapServers) =>
    [
        $"--Kafka:BootstrapServers={bootstrapServers}", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead",
        $"--Model:Path={_package.Folder}", "--Model:Device=cpu", "--Http:Url=http://127.0.0.1:0",
    ];

    private Process StartWorker(string bootstrapServers, params string[] more)
    {
        var process = Cli.Start(["run", .. Arguments(bootstrapServers), .. more]);
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            lock (_log) _log.AppendLine(line.Data);
            if (line.Data.Split("Health endpoints at ") is [_, var address]) _address.TrySetResult(new(address.Split("health/")[0]));
        };
        process.BeginErrorReadLine();
        return process;
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> happened)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await happened())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < s_patience);
            await Task.Delay(50);
        }
    }

    private static async Task<HttpStatusCode> WaitForAsync(HttpClient client, string path, HttpStatusCode wanted)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var code = (await client.GetAsync(path)).StatusCode;
            if (code == wanted || Stopwatch.GetElapsedTime(started) > s_patience) return code;
            await Task.Delay(50);
        }
    }

    private static List<ConsumeResult<string, string>> Consume(string bootstrapServers, string topic, int count)
    {
        using var consumer = new ConsumerBuilder<string, string>(new ConsumerConfig { BootstrapServers = bootstrapServers, GroupId = "test" }).Build();
        consumer.Assign(Enumerable.Range(0, 2).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var results = new List<ConsumeResult<string, string>>();
        var started = Stopwatch.GetTimestamp();
        while (results.Count < count && Stopwatch.GetElapsedTime(started) < s_patience)
        {
            if (consumer.Consume(100) is { } result) results.Add(result);
        }

        Assert.Equal(count, results.Count);
        return results;
    }
}
