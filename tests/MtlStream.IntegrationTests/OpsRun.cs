using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.Json;
using System.Text;
using Confluent.Kafka;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;
using MtlStream.Learning.Review;
using MtlStream.Onnx.Generation;
using MtlStream.Tests.Registry;

namespace MtlStream.IntegrationTests;

/// <summary>
/// A worker's process with telemetry on, a real Collector, a real Prometheus with the repository's rules, and a run of events of
/// every fate through them, a new version of the model and a spoilt one included. Made once, looked at by many tests.
/// </summary>
#pragma warning disable CA1001 // xunit disposes it through IAsyncLifetime
public sealed class OpsRun : IAsyncLifetime
#pragma warning restore CA1001
{
    public const string Input = "comments", Output = "comments-enriched", DeadLetters = "comments-rejected", Secret = "hunter2-hunter2", Review = "comments-review", ReviewAnswers = "comments-answers", Next = "next-hop";

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-ops").FullName;
    private readonly List<Process> _processes = [];
    private readonly int _prometheusPort = OpsTools.FreePort();
    private MockCluster? _cluster;
    private WorkerProcess? _worker;
    private StandInRegistry? _registry;
    private HttpClient? _http;

    /// <summary>Trace ids of the events that came with a sampled trace, each with the span that the event came from.</summary>
    internal Dictionary<string, string> Sampled { get; } = [];

    /// <summary>Trace ids of the events that came with a trace that is not sampled.</summary>
    internal Dictionary<string, string> Unsampled { get; } = [];

    internal List<ConsumeResult<byte[]?, byte[]?>> Results { get; private set; } = [];
    internal List<ConsumeResult<byte[]?, byte[]?>> Copies { get; private set; } = [];

    /// <summary>Trace id of the result that was handed on to another topic, and the span that its header named.</summary>
    internal (string TraceId, string SpanId) HandedOn { get; private set; }

    internal string WorkerLog => _worker!.Log;

    public async Task InitializeAsync()
    {
        if (OpsTools.Collector is null || OpsTools.Prometheus is null) return; // the tests are skipped, with the reason
        var (grpc, metrics) = (OpsTools.FreePort(), OpsTools.FreePort());
        _processes.Add(OpsTools.StartCollector(_folder, grpc, prometheus: metrics));
        await StartPrometheusAsync(metrics);

        _cluster = new();
        foreach (var topic in new[] { Input, Output, DeadLetters, Review, ReviewAnswers, Next }) _cluster.CreateTopic(topic, 2);
        _registry = await StandInRegistry.StartAsync();
        var model = CopyModel("model");
        _worker = WorkerProcess.Start(Settings(), model, new Dictionary<string, string>
        {
            ["MTLSTREAM__Kafka__Client__sasl_password"] = Secret,
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{grpc}",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "service.instance.id=worker-1,service.namespace=team,deployment.environment.name=test",
        });
        await Wait.Until(_worker.IsReady, log: () => _worker.Log);

        using var topics = new Topics(_cluster.BootstrapServers);
        SendAnswers(topics);
        var sent = SendOfNoSchema(topics);
        for (var round = 0; round < 6; round++)
        {
            sent += Send(topics, round, 100);
            Request($"round {round}");
            var expected = sent;
            await Wait.Until(() => Value("sum(messaging_process_duration_seconds_count)") >= expected, log: () => _worker.Log);
            if (round == 2) await ReplaceModelAsync(model);
        }

        HandOn(topics);
        await Wait.Until(() => Value("sum(messaging_process_duration_seconds_count)") >= sent + 1, log: () => _worker.Log);
        Results = topics.ReadAll(Output);
        Copies = topics.ReadAll(Review);
        await Wait.Until(() => Spans().Any(s => s["name"]!.GetValue<string>() == $"process {Next}"), log: () => _worker.Log);
    }

    public async Task DisposeAsync()
    {
        try
        {
            _worker?.SendTerminate();
            if (_worker is not null) await _worker.EndedAsync();
        }
        finally
        {
            _worker?.Dispose();
            foreach (var process in _processes)
            {
                process.Kill();
                await process.WaitForExitAsync();
                process.Dispose();
            }

            if (_registry is not null) await _registry.DisposeAsync();
            _cluster?.Dispose();
            _http?.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>The resource and every metric of it, as the Collector wrote it: one entry per export.</summary>
    internal IEnumerable<(string Scope, JsonNode Metric)> Metrics() =>
        from line in Lines("metrics.jsonl")
        from resource in line["resourceMetrics"]!.AsArray()
        from scope in resource!["scopeMetrics"]!.AsArray()
        from metric in scope!["metrics"]!.AsArray()
        select (scope["scope"]!["name"]!.GetValue<string>(), metric);

    internal IEnumerable<JsonNode> Spans() =>
        from line in Lines("traces.jsonl")
        from resource in line["resourceSpans"]!.AsArray()
        from scope in resource!["scopeSpans"]!.AsArray()
        from span in scope!["spans"]!.AsArray()
        select span;

    internal IEnumerable<JsonNode> Logs() =>
        from line in Lines("logs.jsonl")
        from resource in line["resourceLogs"]!.AsArray()
        from scope in resource!["scopeLogs"]!.AsArray()
        from record in scope!["logRecords"]!.AsArray()
        select record;

    internal Dictionary<string, string> Resource() => Attributes(Lines("metrics.jsonl").Last()["resourceMetrics"]![0]!["resource"]!);

    internal static Dictionary<string, string> Attributes(JsonNode holder) => (holder["attributes"]?.AsArray() ?? [])
        .ToDictionary(a => a!["key"]!.GetValue<string>(), a => a!["value"]!.AsObject().First().Value!.ToString());

    /// <summary>All that the worker let out, as text: telemetry and its own log.</summary>
    internal string Everything() => string.Join('\n', new[] { "metrics.jsonl", "traces.jsonl", "logs.jsonl" }.SelectMany(Lines).Select(l => l.ToJsonString()).Append(WorkerLog));

    /// <summary>Asks Prometheus; the result of an API call.</summary>
    internal JsonNode Ask(string path, string query)
    {
        var address = new Uri($"http://127.0.0.1:{_prometheusPort}/api/v1/{path}?{query}");
        using var answer = _http!.Send(new(HttpMethod.Get, address));
        using var reader = new StreamReader(answer.Content.ReadAsStream());
        var text = reader.ReadToEnd();
        Assert.True(answer.IsSuccessStatusCode, $"{path} {query}: {text}");
        return JsonNode.Parse(text)!["data"]!;
    }

    /// <summary>The values of an instant query that are numbers.</summary>
    internal List<double> Query(string expression) =>
        [.. Ask("query", "query=" + Uri.EscapeDataString(expression))["result"]!.AsArray()
            .Select(r => double.Parse(r!["value"]![1]!.GetValue<string>(), CultureInfo.InvariantCulture)).Where(double.IsFinite)];

    private double Value(string expression) => Query(expression).FirstOrDefault();

    private async Task StartPrometheusAsync(int metricsPort)
    {
        var config = Path.Combine(_folder, "prometheus.yml");
        await File.WriteAllTextAsync(config, $$"""
            global: { scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 1s }
            rule_files: ["{{Path.Combine(OpsTools.Root, "deploy", "prometheus", "rules.yml")}}"]
            scrape_configs:
              - job_name: otel-collector
                honor_labels: true
                static_configs: [{ targets: ["127.0.0.1:{{metricsPort}}"] }]
            """);
        Begin(OpsTools.Prometheus!, [], $"--config.file={config}", $"--storage.tsdb.path={Path.Combine(_folder, "tsdb")}",
            $"--web.listen-address=127.0.0.1:{_prometheusPort}", "--enable-feature=exemplar-storage");
        _http = new() { Timeout = TimeSpan.FromSeconds(10) };
        await Wait.Until(() => Answers($"http://127.0.0.1:{_prometheusPort}/-/ready"));
    }

    private bool Answers(string address)
    {
        try
        {
            using var answer = _http!.Send(new(HttpMethod.Get, new Uri(address)));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private Dictionary<string, string> Settings() => new()
    {
        ["Kafka:BootstrapServers"] = _cluster!.BootstrapServers,
        ["Kafka:GroupId"] = "ops",
        ["Kafka:InputTopics:0"] = Input,
        ["Kafka:InputTopics:1"] = Next,
        ["Kafka:OutputTopic"] = Output,
        ["Kafka:DeadLetterTopic"] = DeadLetters,
        ["Kafka:ReviewTopic"] = Review,
        ["Kafka:AnswerTopic"] = ReviewAnswers,
        ["Kafka:Producer:message.max.bytes"] = "20000",
        ["Registry:Url"] = _registry!.Url,
        ["Http:Annotate"] = "true",
        ["Generation:Models:german"] = Writer(),
        ["Model:ReloadInterval"] = "00:00:01",
        ["Model:Shadow"] = CopyModel("shadow"),
        ["Model:ShadowShare"] = "1",
        ["Model:RecentResults"] = "50",
        ["Tokenization:MaxTextTokens"] = "64",
        ["Watch:Review:mood"] = "0.999",
        ["Watch:DriftWindow"] = "100",
        ["Watch:Reference"] = WriteReference(),
        ["Watch:LowConfidence"] = "0.9",
    };

    /// <summary>Sends a hundred events: most are good, some of them traced or with a text to be written, and some end as dead letters. How many answers to expect.</summary>
    private int Send(Topics topics, int round, int events)
    {
        for (var i = 0; i < events; i++)
        {
            var text = i % 25 == 7 ? string.Concat(Enumerable.Repeat("long ", 500)) : $"round {round} event {i} is on its way";
            var payload = i % 25 == 3 ? "not json" : i % 25 == 5 ? """{"title": "no text"}""" : i == 9 ? Large(text) : $$"""{"text": "{{text}}"}""";
            var headers = new Headers();
            if (i % 10 == 9 || i == 3) headers.Add("traceparent", Encoding.ASCII.GetBytes(NewTrace(Sampled, "01")));
            if (i % 10 == 8) headers.Add("traceparent", Encoding.ASCII.GetBytes(NewTrace(Unsampled, "00")));
            if (i % 25 == 11) headers.Add("mtlstream.generate", Encoding.ASCII.GetBytes("german"));
            topics.Write(new(Input, i % 2), new() { Key = Topics.Bytes($"{round}-{i}"), Value = Topics.Bytes(payload), Headers = headers });
        }

        topics.Flush();
        return events;
    }

    /// <summary>Asks for the labels of a text over HTTP.</summary>
    private void Request(string text)
    {
        using var answer = _http!.Send(new(HttpMethod.Post, new Uri(_worker!.Address!, "/v1/annotate")) { Content = new StringContent(text) });
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}\n{_worker.Log}");
    }

    private static void SendAnswers(Topics topics)
    {
        foreach (var label in new[] { "good", "bad", "good" })
        {
            var answer = new ReviewAnswer($"{Input}/0/{label}", "mood", [label], "anna", DateTimeOffset.UnixEpoch) { Given = ["good"], Probability = 0.5, EventTime = TimeProvider.System.GetUtcNow() };
            topics.Write(new(ReviewAnswers, 0), new() { Key = Topics.Bytes(answer.Key), Value = Topics.Bytes(answer.ToJson()) });
        }

        topics.Flush();
    }

    /// <summary>Sends one event whose schema the registry has not. How many answers to expect.</summary>
    private static int SendOfNoSchema(Topics topics)
    {
        topics.Write(new(Input, 0), new() { Value = [0, 0, 0, 0, 9, 2, 65] });
        topics.Flush();
        return 1;
    }

    // Fits the topic as it is, not with its analysis: the result is refused, and a dead letter takes its place.
    private static string Large(string text) => $$"""{"text": "{{text}}", "ballast": "{{new string('x', 19_300)}}"}""";

    private static string NewTrace(Dictionary<string, string> into, string flags)
    {
        var (trace, span) = (Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));
        into[trace] = span;
        return $"00-{trace}-{span}-{flags}";
    }

    /// <summary>Hands a traced result on to another topic that the worker reads, as the next service in a chain would get it.</summary>
    private void HandOn(Topics topics)
    {
        var result = topics.ReadAll(Output).First(r => TraceOf(r) is { } trace && Sampled.ContainsKey(trace.TraceId));
        HandedOn = TraceOf(result)!.Value;
        topics.Write(new(Next, 0), new() { Key = result.Message.Key, Value = result.Message.Value, Headers = result.Message.Headers });
        topics.Flush();
    }

    internal static (string TraceId, string SpanId)? TraceOf(ConsumeResult<byte[]?, byte[]?> message) =>
        message.Message.Headers.TryGetLastBytes("traceparent", out var value) && Encoding.ASCII.GetString(value).Split('-') is [_, var trace, var span, _]
            ? (trace, span) : null;

    private async Task ReplaceModelAsync(string folder)
    {
        var path = Path.Combine(folder, "model.json");
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        manifest["version"] = "2.0.0";
        await File.WriteAllTextAsync(path, manifest.ToJsonString());
        await Wait.Until(() => Value("""mtlstream_model_reloads_total{mtlstream_reload_outcome="swapped"}""") == 1, log: () => _worker!.Log);

        var weights = Path.Combine(folder, "weights.bin");
        manifest["version"] = "3.0.0";
        await File.WriteAllTextAsync(path, manifest.ToJsonString());
        await File.WriteAllBytesAsync(weights, (await File.ReadAllBytesAsync(weights))[..^10]);
        await Wait.Until(() => Value("""mtlstream_model_reloads_total{mtlstream_reload_outcome="refused"}""") >= 1, log: () => _worker!.Log);
    }

    private string CopyModel(string name)
    {
        var target = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(OpsTools.Root, "tests", "MtlStream.Tests", "Models", "toy-model")))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return target;
    }

    /// <summary>A package that writes texts.</summary>
    private string Writer()
    {
        var package = Path.Combine(_folder, "writer");
        GeneratorImport.Run(Path.Combine(OpsTools.Root, "tests", "MtlStream.Tests", "Generation", "exports", "marian"), package, "tiny");
        return package;
    }

    /// <summary>Every label as likely as every other.</summary>
    private string WriteReference()
    {
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "model", "model.json")))!;
        var tasks = new JsonObject();
        foreach (var task in manifest["tasks"]!.AsArray())
        {
            var labels = task!["labels"]!.AsArray().Select(l => l!.GetValue<string>()).ToList();
            tasks[task["name"]!.GetValue<string>()] = new JsonObject
            {
                ["labels"] = new JsonObject(labels.Select(l => KeyValuePair.Create(l, (JsonNode?)(1.0 / labels.Count)))),
                ["confidence"] = Even(10),
            };
        }

        var path = Path.Combine(_folder, "reference.json");
        File.WriteAllText(path, new JsonObject { ["text"] = new JsonObject { ["tokens"] = Even(8), ["unknownShare"] = 0 }, ["tasks"] = tasks }.ToJsonString());
        return path;

        static JsonArray Even(int bins) => [.. Enumerable.Range(0, bins).Select(_ => JsonValue.Create(1.0 / bins))];
    }

    private IEnumerable<JsonNode> Lines(string file)
    {
        var path = Path.Combine(_folder, file);
        if (!File.Exists(path)) yield break;
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            if (Parse(line) is { } node) yield return node;
        }

        static JsonNode? Parse(string line)
        {
            try
            {
                return JsonNode.Parse(line);
            }
            catch (JsonException)
            {
                return null; // the last line is still being written
            }
        }
    }

    private void Begin(string program, Dictionary<string, string> environment, params string[] arguments)
    {
        var process = OpsTools.Start(program, environment, arguments);
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
    }
}
