using System.Text.Json;
using System.Text.RegularExpressions;

namespace MtlStream.IntegrationTests;

/// <summary>What lies in deploy/ is checked by the programs that will read it.</summary>
public sealed class OpsFilesTests
{
    private static readonly string s_deploy = Path.Combine(OpsTools.Root, "deploy");
    private static readonly string s_chart = Path.Combine(s_deploy, "kubernetes", "mtlstream");

    [OpsFact(nameof(OpsTools.Promtool))]
    public async Task Every_alert_fires_when_it_should_and_stays_quiet_when_it_should()
    {
        var (checkedCode, checkedOutput) = await OpsTools.RunAsync(OpsTools.Promtool!, "check", "rules", Path.Combine(s_deploy, "prometheus", "rules.yml"));
        var (code, output) = await OpsTools.RunAsync(OpsTools.Promtool!, "test", "rules", Path.Combine(s_deploy, "prometheus", "rules.test.yml"));

        Assert.True(checkedCode == 0, checkedOutput);
        Assert.True(code == 0, output);
    }

    [Fact]
    public void Every_alert_is_tested_both_ways_and_has_a_runbook()
    {
        var rules = File.ReadAllText(Path.Combine(s_deploy, "prometheus", "rules.yml"));
        var tests = File.ReadAllText(Path.Combine(s_deploy, "prometheus", "rules.test.yml"));
        var guide = File.ReadAllText(Path.Combine(OpsTools.Root, "docs", "runbooks.md"));
        var alerts = Regex.Matches(rules, @"- alert: (\w+)").Select(m => m.Groups[1].Value).ToList();

        Assert.NotEmpty(alerts);
        Assert.All(alerts, alert =>
        {
            Assert.Contains($"name: {alert} fires", tests, StringComparison.Ordinal);
            Assert.Contains($"name: {alert} stays quiet", tests, StringComparison.Ordinal);
            Assert.Contains($"\n## {alert}\n", guide, StringComparison.Ordinal);
            Assert.Contains($"runbook: \"#{alert.ToLowerInvariant()}\"", rules, StringComparison.Ordinal);
        });
    }

    [OpsFact(nameof(OpsTools.Python))]
    public async Task The_dashboards_are_what_their_script_writes()
    {
        var (code, output) = await OpsTools.RunAsync(OpsTools.Python!, Path.Combine(s_deploy, "grafana", "dashboards.py"), "--check");

        Assert.True(code == 0, output);
    }

    [Fact]
    public void Every_panel_links_to_what_to_do()
    {
        using var runbooks = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_deploy, "grafana", "dashboards", "runbooks.json")));
        var sections = runbooks.RootElement.GetProperty("panels").EnumerateArray().Select(p => p.GetProperty("id").GetInt32()).ToHashSet();
        var panels = 0;
        foreach (var file in new[] { "overview", "model", "kafka" })
        {
            using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_deploy, "grafana", "dashboards", file + ".json")));
            foreach (var panel in dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(p => p.GetProperty("type").GetString() != "row"))
            {
                var link = panel.GetProperty("links")[0].GetProperty("url").GetString()!;
                Assert.Contains(int.Parse(link.Split("viewPanel=")[1], null), sections);
                panels++;
            }
        }

        Assert.InRange(panels, 40, 200);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task The_chart_is_accepted_in_three_sizes()
    {
        var (linted, said) = await OpsTools.RunAsync(OpsTools.Helm!, "lint", s_chart); // with the values that it comes with
        Assert.True(linted == 0, said);
        foreach (var size in new[] { "small", "medium", "large" })
        {
            var (code, output) = await HelmAsync("lint", size);
            Assert.True(code == 0, output);

            (code, output) = await HelmAsync("template", size);
            Assert.True(code == 0, output);
            Assert.Contains("readOnlyRootFilesystem: true", output, StringComparison.Ordinal);
            Assert.Contains("runAsNonRoot: true", output, StringComparison.Ordinal);
            Assert.Contains(size == "large" ? "kind: StatefulSet" : "kind: Deployment", output, StringComparison.Ordinal);
            Assert.Equal(size == "medium", output.Contains("kind: ScaledObject", StringComparison.Ordinal));
            Assert.Equal(size == "large", output.Contains("nvidia.com/gpu: 1", StringComparison.Ordinal));
        }
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Numbers_of_a_values_file_reach_the_worker_as_they_are_written()
    {
        var values = Path.GetTempFileName();
        await File.WriteAllTextAsync(values, """
            kafka: { producer: { batch.size: 2000000 } }
            settings: { "Kafka:MaxInFlightEvents": 1048576, "Watch:Share": 0.25, "Output:AllScores": true }
            keda: { enabled: true, lagThreshold: 5000000 }
            """);

        var (code, output) = await HelmAsync("template", "small", "-f", values);

        Assert.True(code == 0, output);
        Assert.Contains("MTLSTREAM__Kafka__Producer__batch_size: \"2000000\"", output, StringComparison.Ordinal);
        Assert.Contains("MTLSTREAM__Kafka__MaxInFlightEvents: \"1048576\"", output, StringComparison.Ordinal);
        Assert.Contains("MTLSTREAM__Watch__Share: \"0.25\"", output, StringComparison.Ordinal);
        Assert.Contains("MTLSTREAM__Output__AllScores: \"true\"", output, StringComparison.Ordinal);
        Assert.Contains("lagThreshold: \"5000000\"", output, StringComparison.Ordinal);
        File.Delete(values);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Labels_and_annotations_are_text_whatever_a_values_file_has()
    {
        var values = Path.GetTempFileName();
        await File.WriteAllTextAsync(values, """
            podLabels: { billed: true }
            podAnnotations: { revision: 1000000 }
            nodeSelector: { spot: false, disk: ssd }
            serviceAccount: { annotations: { generation: 7 } }
            """);

        var (code, output) = await HelmAsync("template", "small", "-f", values);

        Assert.True(code == 0, output);
        foreach (var line in new[] { "\"billed\": \"true\"", "\"revision\": \"1000000\"", "\"spot\": \"false\"", "\"disk\": \"ssd\"", "\"generation\": \"7\"" })
            Assert.Matches($"\n +{line}\n", output);
        File.Delete(values);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Prometheus_may_ask_the_pods_where_the_values_say_so()
    {
        var (code, output) = await HelmAsync("template", "small", "--set", "telemetry.scrape=true");

        Assert.True(code == 0, output);
        Assert.Matches("\n  MTLSTREAM__Http__Metrics: \"true\"\n", output);
        Assert.Matches("\n +prometheus.io/scrape: \"true\"\n +prometheus.io/port: \"8080\"\n +prometheus.io/path: /metrics\n", output);
        Assert.DoesNotContain("prometheus.io", (await HelmAsync("template", "small")).Output, StringComparison.Ordinal);
        Assert.NotEqual(0, (await HelmAsync("template", "small", "--set", "settings.Http:Metrics=true")).Code);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Requests_and_the_page_are_served_with_a_token_where_the_values_say_so()
    {
        var (code, output) = await HelmAsync("template", "small", "--set", "http.annotate=true,http.page=true,http.tokenSecret=mtlstream-http");
        var refused = await HelmAsync("template", "small", "--set", "http.page=true");

        Assert.True(code == 0, output);
        foreach (var setting in new[] { "Annotate", "Page" }) Assert.Contains($"MTLSTREAM__Http__{setting}: \"true\"", output, StringComparison.Ordinal);
        Assert.DoesNotContain("ShowTexts", output, StringComparison.Ordinal);
        Assert.Matches("name: MTLSTREAM__Http__Token\n +valueFrom: { secretKeyRef: { name: mtlstream-http, key: token } }", output);
        Assert.Matches("kind: Service\nmetadata:\n  name: [a-z-]+-http\n", output);
        Assert.Contains("http.tokenSecret is empty", refused.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("-http", (await HelmAsync("template", "small")).Output, StringComparison.Ordinal);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Grpc_is_served_on_a_port_of_its_own_with_a_token()
    {
        var (code, output) = await HelmAsync("template", "small", "--set", "http.grpc=true,http.tokenSecret=mtlstream-http");
        var refused = await HelmAsync("template", "small", "--set", "http.grpc=true");

        Assert.True(code == 0, output);
        Assert.Contains("MTLSTREAM__Http__GrpcUrl: http://0.0.0.0:8081", output, StringComparison.Ordinal);
        Assert.Contains("{ name: grpc, port: 8081, targetPort: grpc, appProtocol: kubernetes.io/h2c }", output, StringComparison.Ordinal);
        Assert.Contains("- { port: grpc, protocol: TCP }", output, StringComparison.Ordinal);
        Assert.Contains("http.tokenSecret is empty", refused.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("grpc", (await HelmAsync("template", "small")).Output, StringComparison.Ordinal);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task A_schema_registry_is_reached_with_what_the_secrets_hold()
    {
        var (code, output) = await HelmAsync(
            "template", "small", "--set", "registry.url=https://one\\, http://two:8081", "--set", "registry.existingSecret=registry-user,registry.caSecret=registry-ca");
        var refused = await HelmAsync("template", "small", "--set", "registry.caSecret=registry-ca");
        var twice = await HelmAsync("template", "small", "--set", "settings.Registry:Url=http://one");

        Assert.True(code == 0, output);
        Assert.Contains("MTLSTREAM__Registry__Url: \"https://one, http://two:8081\"", output, StringComparison.Ordinal);
        Assert.Contains("MTLSTREAM__Registry__AutoRegister: \"false\"", output, StringComparison.Ordinal);
        Assert.Matches("prefix: MTLSTREAM__Registry__\n +secretRef: { name: registry-user }", output);
        Assert.Contains("MTLSTREAM__Registry__CaFile: /etc/registry-tls/ca.crt", output, StringComparison.Ordinal);
        Assert.Contains("{ secretName: registry-ca, defaultMode: 0440, items: [{ key: ca.crt, path: ca.crt }] }", output, StringComparison.Ordinal);
        Assert.Matches("port: 443, protocol: TCP }\n +- { port: 8081, protocol: TCP }", output);
        Assert.Contains("registry.url is empty", refused.Output, StringComparison.Ordinal);
        Assert.Contains("from registry.url", twice.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Registry", (await HelmAsync("template", "small")).Output, StringComparison.Ordinal);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Answers_and_a_candidate_have_values_of_their_own()
    {
        var (code, output) = await HelmAsync("template", "medium");
        var refused = await HelmAsync("template", "medium", "--set", "settings.Model:Canary=/models/other");

        Assert.True(code == 0, output);
        Assert.Contains("MTLSTREAM__Kafka__AnswerTopic: \"texts-answers\"", output, StringComparison.Ordinal);
        Assert.Contains("MTLSTREAM__Model__Canary: \"/models/candidate\"", output, StringComparison.Ordinal);
        Assert.Contains("MTLSTREAM__Model__CanaryShare: \"0.05\"", output, StringComparison.Ordinal);
        Assert.Contains("from model.canary", refused.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Canary", (await HelmAsync("template", "small")).Output, StringComparison.Ordinal);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task A_release_of_the_same_name_in_another_namespace_is_another_job()
    {
        var (code, output) = await HelmAsync("template", "medium", "--namespace", "team-a");

        Assert.True(code == 0, output);
        Assert.Matches("name: OTEL_RESOURCE_ATTRIBUTES, value: \".*,service.namespace=team-a\"", output);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Resource_attributes_of_the_values_are_added_to_those_of_the_chart()
    {
        var (code, output) = await HelmAsync(
            "template", "medium", "--set", "env[0].name=OTEL_RESOURCE_ATTRIBUTES,env[0].value=team=a\\,tier=gold,env[1].name=LANG,env[1].value=C", "--namespace", "team-a");

        Assert.True(code == 0, output);
        Assert.Matches("name: OTEL_RESOURCE_ATTRIBUTES, value: \".*,service.namespace=team-a,team=a,tier=gold\"", output);
        Assert.Single(Regex.Matches(output, "name: OTEL_RESOURCE_ATTRIBUTES"));
        Assert.Matches("\n +- name: LANG\n +value: C\n", output);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task The_network_policy_lets_out_what_the_values_name()
    {
        foreach (var (endpoint, port) in new[] { ("http://otel:14317", 14317), ("https://otel.example/v1", 443), ("http://[::1]", 80) })
            Assert.Contains($"port: {port}, protocol: TCP", await Policy("--set", $"telemetry.endpoint={endpoint}"), StringComparison.Ordinal);

        var usual = await Policy("--set", "telemetry.endpoint=http://otel:4317");
        Assert.Single(Regex.Matches(usual, "port: 4317,"));
        Assert.DoesNotContain("port: 443,", usual, StringComparison.Ordinal);

        var tokens = await Policy(
            "--set", "kafka.saslMechanism=OAUTHBEARER", "--set", "kafka.client.sasl\\.oauthbearer\\.method=oidc", "--set", "networkPolicy.extraPorts={443}");
        Assert.Contains("port: 443, protocol: TCP", tokens, StringComparison.Ordinal);

        static async Task<string> Policy(params string[] values)
        {
            var (code, output) = await HelmAsync("template", "small", values);
            Assert.True(code == 0, output);
            return output;
        }
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task A_worker_of_several_topics_is_scaled_by_what_waits_in_all_of_them()
    {
        var (code, output) = await HelmAsync("template", "medium");

        Assert.True(code == 0, output);
        Assert.Contains("formula: topic000 + topic001\n", output, StringComparison.Ordinal);
        Assert.Contains("target: \"50000\"\n", output, StringComparison.Ordinal);
        Assert.Equal(["topic000", "topic001"], Regex.Matches(output, "\n    - type: kafka\n      name: (.+)").Select(m => m.Groups[1].Value));
        Assert.DoesNotContain("scalingModifiers", (await HelmAsync("template", "small", "--set", "keda.enabled=true")).Output, StringComparison.Ordinal);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task The_scaler_speaks_the_brokers_version_where_it_is_named()
    {
        var (code, output) = await HelmAsync("template", "medium", "--set-string", "keda.kafkaVersion=3.9.0");

        Assert.True(code == 0, output);
        Assert.Contains("version: \"3.9.0\"", output, StringComparison.Ordinal);
        Assert.DoesNotMatch("\n +version:", (await HelmAsync("template", "medium")).Output);
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Parts_of_a_core_count_as_a_core()
    {
        foreach (var (requested, cores) in new[] { ("500m", "1"), ("1500m", "2"), ("1.5", "2"), ("3", "3") })
        {
            var (code, output) = await HelmAsync("template", "small", "--set", $"resources.requests.cpu={requested}");

            Assert.True(code == 0, output);
            Assert.Contains($"name: DOTNET_PROCESSOR_COUNT, value: \"{cores}\"", output, StringComparison.Ordinal);
        }
    }

    [OpsFact(nameof(OpsTools.Helm))]
    public async Task Values_that_cannot_work_are_refused_with_their_reason()
    {
        Assert.Contains("ExactlyOnce needs workload StatefulSet", await Refusal("large", "workload=Deployment"), StringComparison.Ordinal);
        Assert.Contains("inputTopic", await Refusal("small", "kafka.inputTopic=a"), StringComparison.Ordinal);
        Assert.Contains("the kubelet would kill a draining worker", await Refusal("small", "terminationGracePeriodSeconds=20"), StringComparison.Ordinal);
        Assert.Contains("needs gpu.count", await Refusal("small", "model.device=cuda"), StringComparison.Ordinal);
        Assert.Contains("gpu.count 1 is of no use with model.device cpu", await Refusal("small", "gpu.count=1"), StringComparison.Ordinal);
        Assert.Contains("sasl.oauthbearer.method", await Refusal("medium", "kafka.saslMechanism=OAUTHBEARER"), StringComparison.Ordinal);
        Assert.Contains("needs networkPolicy.extraPorts", await Refusal("medium", "kafka.saslMechanism=OAUTHBEARER,kafka.client.sasl\\.oauthbearer\\.method=oidc"), StringComparison.Ordinal);
        Assert.Contains("two is no number of cores", await Refusal("small", "resources.requests.cpu=two"), StringComparison.Ordinal);
        Assert.Contains("from delivery.guarantee", await Refusal("small", "settings.Delivery:Guarantee=ExactlyOnce"), StringComparison.Ordinal);
        Assert.Contains("from kafka.inputTopics", await Refusal("small", "settings.kafka:inputtopics:0=comments"), StringComparison.Ordinal);
        Assert.Contains("from kafka.producer", await Refusal("small", "settings.Kafka:Producer:linger\\.ms=5"), StringComparison.Ordinal);
        Assert.Contains("from delivery.drainTimeout", await Refusal("small", "env[0].name=MTLSTREAM__Delivery__DrainTimeout,env[0].value=00:05:00"), StringComparison.Ordinal);
        Assert.Contains("from kafka.securityProtocol", await Refusal("small", "kafka.client.security\\.protocol=SSL"), StringComparison.Ordinal);
        Assert.Contains("alerts tell releases apart", await Refusal("medium", "env[0].name=OTEL_RESOURCE_ATTRIBUTES,env[0].value=service.namespace=x"), StringComparison.Ordinal);
        Assert.Contains("cooldownPeriod", await Refusal("medium", "keda.cooldownPeriod=3601"), StringComparison.Ordinal);
        Assert.Contains("kafkaPorts", await Refusal("small", "networkPolicy.kafkaPorts=[]", "--set-json"), StringComparison.Ordinal); // which would open every port
        Assert.Contains("kafkaPorts", await Refusal("small", "networkPolicy.kafkaPorts=null"), StringComparison.Ordinal);

        foreach (var name in new[] { "bootstrapServers", "outputTopic", "deadLetterTopic" })
            Assert.Contains($"kafka.{name} is empty", await Refusal("small", $"kafka.{name}="), StringComparison.Ordinal);
        Assert.Contains("kafka.inputTopics is empty", await Refusal("small", "kafka.inputTopics=[]", "--set-json"), StringComparison.Ordinal);

        static async Task<string> Refusal(string size, string value, string set = "--set")
        {
            var (code, output) = await HelmAsync("template", size, set, value);
            Assert.NotEqual(0, code);
            return output;
        }
    }

    [Fact]
    public void A_step_that_pipes_fails_with_the_first_command_of_its_pipe()
    {
        var workflows = Directory.GetFiles(Path.Combine(OpsTools.Root, ".github", "workflows"), "*.yml").Select(File.ReadAllText).ToList();

        Assert.All(workflows.Where(w => w.Contains(" | tee ", StringComparison.Ordinal)), w => Assert.Contains("\ndefaults:\n  run:\n    shell: bash", w, StringComparison.Ordinal));
    }

    [OpsFact(nameof(OpsTools.Python))]
    public async Task The_bill_of_materials_has_a_licence_that_is_allowed_for_every_package()
    {
        var (code, output) = await OpsTools.RunAsync(OpsTools.Python!, Path.Combine(s_deploy, "sbom.py"));

        Assert.True(code == 0, output);
        using var bill = JsonDocument.Parse(output[..(output.LastIndexOf('}') + 1)]);
        var components = bill.RootElement.GetProperty("components").EnumerateArray().ToList();
        foreach (var name in new[] { "Confluent.Kafka", "librdkafka.redist", "Microsoft.ML.OnnxRuntime", "OpenTelemetry" })
        {
            var package = Assert.Single(components, c => c.GetProperty("name").GetString() == name);
            Assert.NotEqual(0, package.GetProperty("licenses").GetArrayLength());
            Assert.Equal(128, package.GetProperty("hashes")[0].GetProperty("content").GetString()!.Length); // SHA-512
        }
    }

    [OpsFact(nameof(OpsTools.Collector))]
    public async Task The_collector_accepts_its_configuration()
    {
        var (code, output) = await OpsTools.RunAsync(OpsTools.Collector!, "validate", "--config", Path.Combine(s_deploy, "otel", "config.yaml"));

        Assert.True(code == 0, output);
    }

    private static Task<(int Code, string Output)> HelmAsync(string command, string size, params string[] more)
    {
        string[] name = command == "template" ? ["labels"] : [];
        return OpsTools.RunAsync(OpsTools.Helm!, [command, .. name, s_chart, "-f", Path.Combine(s_deploy, "kubernetes", $"values-{size}.yaml"), .. more]);
    }
}
