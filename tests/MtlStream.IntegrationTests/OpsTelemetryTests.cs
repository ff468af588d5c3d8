using System.Text.Json.Nodes;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text;
using MtlStream.IntegrationTests.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>What really arrives at a Collector and in a Prometheus from a worker's process.</summary>
public sealed partial class OpsTelemetryTests(OpsRun run) : IClassFixture<OpsRun>
{
    /// <summary>Metrics that only come into being when something happens that this run cannot bring about.</summary>
    private static readonly HashSet<string> s_circumstances = ["messaging.client.operation.duration"];

    /// <summary>How names of metrics begin, in the table of them.</summary>
    private static readonly string[] s_begins = ["mtlstream.", "messaging.", "http."];

    /// <summary>Attributes that a metric has only for some of its points.</summary>
    private static readonly HashSet<string> s_sometimes = ["error.type"];

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Names_units_and_attributes_that_arrive_are_those_of_the_documented_table()
    {
        var arrived = run.Metrics().Where(m => m.Scope.StartsWith("MtlStream", StringComparison.Ordinal)).GroupBy(m => m.Metric["name"]!.GetValue<string>())
            .ToDictionary(g => g.Key, g => (Unit: g.First().Metric["unit"]!.GetValue<string>(), Attributes: g.SelectMany(m => AttributeNames(m.Metric)).ToHashSet()));
        var documented = Documented().ToDictionary(d => d.Name);

        Assert.Empty(arrived.Keys.Except(documented.Keys));
        Assert.Empty(documented.Keys.Except(arrived.Keys).Except(s_circumstances));
        Assert.All(arrived, metric =>
        {
            var expected = documented[metric.Key];
            Assert.Equal((metric.Key, expected.Unit), (metric.Key, metric.Value.Unit));
            Assert.True(metric.Value.Attributes.IsSubsetOf(expected.Attributes), $"{metric.Key}: {string.Join(", ", metric.Value.Attributes)}");
            Assert.Empty(expected.Attributes.Except(metric.Value.Attributes).Except(s_sometimes));
        });
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void An_attribute_has_the_same_type_on_every_metric_and_span()
    {
        var kinds = run.Metrics().SelectMany(m => Points(m.Metric)).Concat(run.Spans())
            .SelectMany(holder => holder["attributes"]?.AsArray() ?? [])
            .GroupBy(a => a!["key"]!.GetValue<string>(), a => a!["value"]!.AsObject().First().Key)
            .ToDictionary(g => g.Key, g => string.Join(' ', g.Distinct()));

        Assert.Equal("stringValue", kinds["messaging.destination.partition.id"]); // as the conventions have it, though it is a number
        Assert.All(kinds, kind => Assert.Matches("^[a-zA-Z]+$", kind.Value));
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public async Task The_resource_says_which_service_and_which_instance_it_is()
    {
        var resource = run.Resource();

        Assert.Equal("mtlstream", resource["service.name"]);
        Assert.Equal("worker-1", resource["service.instance.id"]);
        Assert.Equal("test", resource["deployment.environment.name"]);
        Assert.Matches(@"^\d+\.\d+\.\d+$", resource["service.version"]);
        await Wait.Until(() => run.Query("""group(mtlstream_model_serving{job="team/mtlstream", instance="worker-1"})""") is [1]);
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public async Task A_series_that_has_counted_nothing_is_there_at_zero()
    {
        foreach (var series in new[]
        {
            """mtlstream_events_rejected_total{error_type="inference_failed"}""", "mtlstream_batches_split_total", """mtlstream_kafka_commits_total{mtlstream_outcome="aborted"}""",
        })
            await Wait.Until(() => run.Query(series) is [0], log: () => series);
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Latencies_carry_sampled_traces_as_exemplars()
    {
        var exemplars = run.Metrics().Where(m => m.Metric["name"]!.GetValue<string>() is "mtlstream.event.latency" or "messaging.process.duration")
            .SelectMany(m => m.Metric["histogram"]!["dataPoints"]!.AsArray())
            .SelectMany(p => p!["exemplars"]?.AsArray() ?? []).Select(e => e!["traceId"]!.GetValue<string>()).Distinct().ToList();

        Assert.NotEmpty(exemplars);
        Assert.Contains(exemplars, run.Sampled.ContainsKey);
        Assert.DoesNotContain(exemplars, run.Unsampled.ContainsKey);
        var stored = run.Ask("query_exemplars", "query=" + Uri.EscapeDataString("messaging_process_duration_seconds_bucket") + "&start=0&end=9999999999");
        Assert.NotEmpty(stored.AsArray());
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void A_trace_crosses_kafka_in_both_directions()
    {
        var spans = run.Spans().Where(s => s["traceId"]!.GetValue<string>() == run.HandedOn.TraceId).ToList();

        var process = Assert.Single(spans, s => Name(s) == $"process {OpsRun.Input}");
        var send = spans.First(s => Name(s) == $"send {OpsRun.Output}" && Parent(s) == Id(process));
        var next = Assert.Single(spans, s => Name(s) == $"process {OpsRun.Next}");
        Assert.Equal(run.Sampled[run.HandedOn.TraceId], Parent(process)); // from the producer that is not ours
        Assert.Equal(run.HandedOn.SpanId, Id(send)); // in the result's header
        Assert.Equal(Id(send), Parent(next)); // in the next worker

        var attributes = OpsRun.Attributes(process);
        Assert.Equal(("kafka", "process", OpsRun.Input, "ops"), (
            attributes["messaging.system"], attributes["messaging.operation.type"], attributes["messaging.destination.name"], attributes["messaging.consumer.group.name"]));
        Assert.Contains("messaging.destination.partition.id", attributes.Keys);
        Assert.Contains("messaging.kafka.offset", attributes.Keys);
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Every_sampled_event_is_linked_to_its_batch_and_no_other_event_is_traced()
    {
        var spans = run.Spans().ToList();
        var batches = spans.Where(s => Name(s) == "score").ToList();
        var linked = batches.SelectMany(b => b["links"]?.AsArray() ?? []).Select(l => l!["spanId"]!.GetValue<string>()).ToHashSet();
        var scored = spans.Where(s => Name(s) == $"process {OpsRun.Input}" && s["status"]?["code"] is null).ToList();

        Assert.InRange(scored.Count, 40, run.Sampled.Count);
        Assert.All(scored, s => Assert.Contains(Id(s), linked));
        Assert.All(batches, b => Assert.Contains("mtlstream.model.version", OpsRun.Attributes(b).Keys));
        Assert.DoesNotContain(spans, s => run.Unsampled.ContainsKey(s["traceId"]!.GetValue<string>()));
        var unsampled = run.Results.Select(OpsRun.TraceOf).Where(t => t is { } trace && run.Unsampled.ContainsKey(trace.TraceId)).ToList();
        Assert.NotEmpty(unsampled);
        Assert.All(unsampled, t => Assert.Equal(run.Unsampled[t!.Value.TraceId], t.Value.SpanId)); // passed on as it came
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void A_dead_letters_span_says_why()
    {
        // Of those without a trace of their own, one in a thousand has a span too.
        var sent = run.Spans().Where(s => Name(s) == $"process {OpsRun.Input}" && run.Sampled.ContainsKey(s["traceId"]!.GetValue<string>()));
        var failed = sent.Where(s => s["status"]?["code"] is not null)
            .Select(s => OpsRun.Attributes(s)["error.type"]).Distinct().Order();

        Assert.Equal(["malformed_payload", "output_too_large"], failed);
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Logs_carry_the_trace_they_belong_to_and_nothing_is_logged_per_event()
    {
        var logs = run.Logs().ToList();

        var refused = logs.Where(l => l["eventName"]?.GetValue<string>() == "RecordRefused").ToList();
        Assert.InRange(refused.Count, 1, 6); // one came in each round, and they are told once in half a minute
        Assert.All(refused, l => Assert.Contains(l["traceId"]!.GetValue<string>(), run.Sampled.Keys));
        Assert.Contains(logs, l => l["eventName"]?.GetValue<string>() == "ModelSwapped");
        Assert.InRange(logs.Count - refused.Count, 5, 40); // 600 events went through
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public async Task Results_name_the_version_that_scored_them_and_the_refused_one_never_serves()
    {
        var versions = run.Results.Select(r => JsonNode.Parse(r.Message.Value!)!["analysis"]!["model"]!["version"]!.GetValue<string>()).ToList();

        Assert.Equal(["1.0.0", "2.0.0"], versions.Distinct().Order());
        await Wait.Until(() => run.Query("""count(mtlstream_model_serving{mtlstream_model_version="2.0.0"})""") is [1]);
        Assert.Contains("goes on serving", run.WorkerLog, StringComparison.Ordinal);
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Unsure_results_are_copied_for_review_as_they_are()
    {
        var results = run.Results.Select(r => (Key: Encoding.UTF8.GetString(r.Message.Key!), Text: Encoding.UTF8.GetString(r.Message.Value!))).ToHashSet();

        Assert.NotEmpty(run.Copies);
        Assert.All(run.Copies, copy =>
        {
            Assert.Contains((Encoding.UTF8.GetString(copy.Message.Key!), Encoding.UTF8.GetString(copy.Message.Value!)), results);
            Assert.Matches(@"^mood=0\.\d{4}$", Encoding.UTF8.GetString(copy.Message.Headers.GetLastBytes("mtlstream.review")));
        });
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public async Task Every_query_of_every_dashboard_returns_data()
    {
        var queries = 0;
        foreach (var file in new[] { "overview", "model", "kafka" })
        {
            using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(OpsTools.Root, "deploy", "grafana", "dashboards", file + ".json")));
            foreach (var panel in dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(p => p.TryGetProperty("targets", out _)))
            {
                foreach (var target in panel.GetProperty("targets").EnumerateArray())
                {
                    var expression = target.GetProperty("expr").GetString()!.Replace("$__rate_interval", "2m", StringComparison.Ordinal)
                        .Replace("$job", ".*", StringComparison.Ordinal).Replace("$task", "mood", StringComparison.Ordinal);
                    // On a loaded machine a scrape may come too late, and everything has no value until the next.
                    await Wait.Until(
                        () => run.Query(expression).Count > 0, TimeSpan.FromMinutes(2), () => $"{file}, {panel.GetProperty("title").GetString()}: no data for {expression}");
                    queries++;
                }
            }
        }

        Assert.InRange(queries, 50, 200);
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Dashboards_and_alerts_ask_for_metrics_that_there_are()
    {
        var metrics = Documented().SelectMany(d => InPrometheus(d.Name, d.Kind, d.Unit)).ToHashSet();
        var known = Documented().SelectMany(d => d.Attributes).Select(a => a.Replace('.', '_')).Concat(metrics).ToHashSet();
        var files = Directory.GetFiles(Path.Combine(OpsTools.Root, "deploy", "grafana", "dashboards"), "*.json")
            .Where(f => !f.EndsWith("runbooks.json", StringComparison.Ordinal)).Append(Path.Combine(OpsTools.Root, "deploy", "prometheus", "rules.yml"));

        var asked = files.SelectMany(f => Names().Matches(File.ReadAllText(f)).Select(m => m.Value)).ToHashSet();

        Assert.InRange(asked.Count(metrics.Contains), 30, 200);
        Assert.Empty(asked.Except(known));
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Prometheus_evaluates_every_rule_without_an_error()
    {
        var rules = run.Ask("rules", "")["groups"]!.AsArray().SelectMany(g => g!["rules"]!.AsArray()).ToList();

        Assert.InRange(rules.Count, 20, 100);
        Assert.All(rules, rule => Assert.Equal("ok", rule!["health"]!.GetValue<string>()));
        Assert.DoesNotContain(rules, rule => rule!["state"]?.GetValue<string>() == "firing" && rule["labels"]!["severity"]!.GetValue<string>() == "critical");
    }

    [OpsFact(nameof(OpsTools.Collector), nameof(OpsTools.Prometheus))]
    public void Neither_a_password_nor_the_text_of_an_event_is_in_logs_metrics_or_traces()
    {
        var everything = run.Everything();

        Assert.DoesNotContain(OpsRun.Secret, everything, StringComparison.Ordinal);
        Assert.DoesNotContain("is on its way", everything, StringComparison.Ordinal);
        Assert.Contains("messaging.process.duration", everything, StringComparison.Ordinal); // it is all there to be looked through
    }

    private static string Name(JsonNode span) => span["name"]!.GetValue<string>();

    private static string Id(JsonNode span) => span["spanId"]!.GetValue<string>();

    private static string? Parent(JsonNode span) => span["parentSpanId"]?.GetValue<string>();

    private static IEnumerable<string> AttributeNames(JsonNode metric) => Points(metric).SelectMany(p => OpsRun.Attributes(p).Keys);

    private static IEnumerable<JsonNode> Points(JsonNode metric) =>
        from kind in new[] { "sum", "gauge", "histogram" }
        where metric[kind] is not null
        from point in metric[kind]!["dataPoints"]!.AsArray()
        select point;

    /// <summary>The rows of the table: <c>| `name` | kind | unit | `attribute`, ... | ...</c>.</summary>
    private static IEnumerable<(string Name, string Kind, string Unit, HashSet<string> Attributes)> Documented() =>
        from line in File.ReadLines(Path.Combine(OpsTools.Root, "docs", "metrics.md"))
        where s_begins.Any(name => line.StartsWith($"| `{name}", StringComparison.Ordinal))
        let cells = line.Split('|', StringSplitOptions.TrimEntries)
        select (cells[1].Trim('`'), cells[2], cells[3], cells[4].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(a => a.Trim('`')).ToHashSet());

    private static IEnumerable<string> InPrometheus(string name, string kind, string unit)
    {
        var suffix = unit switch { "s" => "_seconds", "By" => "_bytes", "1" when kind == "gauge" => "_ratio", _ => "" };
        name = name.Replace('.', '_') + suffix;
        return kind switch { "counter" => [name + "_total"], "histogram" => [name + "_bucket", name + "_sum", name + "_count"], _ => [name] };
    }

    /// <summary>Metrics and labels of ours; recorded rules have colons.</summary>
    [GeneratedRegex(@"(?<![\w:])(?:mtlstream|messaging|http_server)_\w+")]
    private static partial Regex Names();
}
