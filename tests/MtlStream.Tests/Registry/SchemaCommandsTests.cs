using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Tests.Host;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Registry;

/// <summary><c>mtlstream schema</c> and <c>doctor</c> against a registry.</summary>
public sealed class SchemaCommandsTests : IDisposable
{
    private const string Review = """{"type":"record","name":"Review","fields":[{"name":"text","type":"string"}]}""";

    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task Register_shows_the_difference_first_and_check_says_what_is_missing()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);

        var before = await RunAsync(registry, "schema", "check");
        var shown = await RunAsync(registry, "schema", "register");
        Assert.Equal(["in-value"], registry.Subjects);
        var registered = await RunAsync(registry, "schema", "register", "--yes");
        var again = await RunAsync(registry, "schema", "register", "--yes");
        var after = await RunAsync(registry, "schema", "check");

        Assert.Equal((1, 0, 0, 0, 0), (before.ExitCode, shown.ExitCode, registered.ExitCode, again.ExitCode, after.ExitCode));
        Assert.Contains("not registered under out-value", string.Join('\n', before.Lines), StringComparison.Ordinal);
        Assert.Contains(shown.Lines, l => l.StartsWith("+ ", StringComparison.Ordinal) && l.Contains("\"analysis\"", StringComparison.Ordinal));
        Assert.DoesNotContain(shown.Lines, l => l.StartsWith("- ", StringComparison.Ordinal) && l.Contains("\"text\"", StringComparison.Ordinal));
        Assert.Equal(["in-value", "out-value"], registry.Subjects);
        Assert.Contains("out-value: version 1, schema id 2.", registered.Lines);
        Assert.Contains("registered already", again.Lines[0], StringComparison.Ordinal);
        Assert.Contains("schema id 2 under out-value", after.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_names_a_pointer_that_leads_nowhere_and_show_prints_both_schemas()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("other", Review);

        var check = await RunAsync(registry, "schema", "check", "--subject", "other", "--Input:TextPointer=/body");
        var show = await RunAsync(registry, "schema", "show", "--subject", "1");
        var missing = await RunAsync(registry, "schema", "show", "--subject", "nowhere");

        Assert.Contains("/body leads to no text", check.Lines[0], StringComparison.Ordinal);
        Assert.Contains(show.Lines, l => l.Contains("out-value, not registered", StringComparison.Ordinal));
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("no such subject", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_only_settings_make_of_the_model_is_in_the_schema()
    {
        using var package = new ToyPackage().RankReplies();
        var replies = package.At("replies.jsonl");
        File.WriteAllText(replies, """{"name":"a","text":"the fox"}""");
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);

        var registered = await RunAsync(registry, "schema", "register", "--yes", $"--Model:Path={package.Folder}", $"--Model:Replies={replies}");
        var doctor = await RunAsync(
            registry, "doctor", $"--Model:Path={package.Folder}", $"--Model:Replies={replies}", "--Kafka:BootstrapServers=127.0.0.1:1", "--Http:Url=off");
        var without = await RunAsync(registry, "doctor", $"--Model:Path={package.Folder}", "--Kafka:BootstrapServers=127.0.0.1:1", "--Http:Url=off");

        Assert.True(registered.ExitCode == 0, registered.Error);
        Assert.Contains("\"Analysis_tasks_reply\"", registry.TextOf(2), StringComparison.Ordinal);
        Assert.Contains(doctor.Lines, l => l.StartsWith("ok      registry", StringComparison.Ordinal) && l.Contains("schema id 2 under out-value", StringComparison.Ordinal));
        Assert.Contains(without.Lines, l => l.StartsWith("warning registry", StringComparison.Ordinal) && l.Contains("not looked at", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_registry_finds_incompatible_is_not_registered()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        registry.Add("out-value", """{"type":"record","name":"Other","fields":[]}""");
        registry.IsCompatible = false;

        var result = await RunAsync(registry, "schema", "register", "--yes");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("incompatible", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(registry.Requests, r => r == "POST /subjects/out-value/versions");
    }

    [Fact]
    public async Task Json_schema_is_registered_on_request()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", """{"type":"object","properties":{"text":{"type":"string"}},"additionalProperties":false}""", "JSON");

        var check = await RunAsync(registry, "schema", "check");
        await RunAsync(registry, "schema", "register", "--yes");

        Assert.Equal(0, check.ExitCode);
        var schema = global::Json.Schema.JsonSchema.FromText(registry.TextOf(2));
        var answer = JsonNode.Parse("""{"text":"x","analysis":{"schema":"enriched-event.v1"}}""");
        Assert.False(schema.Evaluate(JsonSerializer.SerializeToElement(answer)).IsValid); // what is in it is declared
        answer!["analysis"] = new JsonObject
        {
            ["schema"] = "enriched-event.v1", ["model"] = new JsonObject { ["name"] = "a", ["version"] = "1" },
            ["offsets"] = "utf16", ["truncated"] = false, ["tasks"] = new JsonObject(),
        };
        Assert.True(schema.Evaluate(JsonSerializer.SerializeToElement(answer)).IsValid);
    }

    [Fact]
    public async Task Doctor_looks_at_the_registry()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);

        var missing = await RunAsync(registry, "doctor", "--Kafka:BootstrapServers=127.0.0.1:1", "--Http:Url=off");
        registry.Fault = StandInRegistry.Always(401);
        var refused = await RunAsync(registry, "doctor", "--Kafka:BootstrapServers=127.0.0.1:1", "--Http:Url=off");

        Assert.Contains(missing.Lines, l => l.StartsWith("failure registry", StringComparison.Ordinal) && l.Contains("not registered", StringComparison.Ordinal));
        Assert.Contains(refused.Lines, l => l.StartsWith("failure registry", StringComparison.Ordinal) && l.Contains("401", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_secret_given_as_an_argument_is_named()
    {
        await using var registry = await StandInRegistry.StartAsync();

        var result = await RunAsync(registry, "doctor", "--Registry:Username=u", "--Registry:Password=p4ss", "--Kafka:BootstrapServers=127.0.0.1:1", "--Http:Url=off");

        Assert.Contains(result.Lines, l => l.Contains("Registry:Password came as an argument", StringComparison.Ordinal));
        Assert.DoesNotContain(result.Lines, l => l.Contains("p4ss", StringComparison.Ordinal));
    }

    // What a test gives itself counts more than what all have.
    private Task<CliResult> RunAsync(StandInRegistry registry, params string[] arguments) => Cli.RunAsync("",
    [
        .. arguments.TakeWhile(a => !a.StartsWith("--", StringComparison.Ordinal)), $"--Registry:Url={registry.Url}", "--Kafka:InputTopics:0=in",
        "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}",
        .. arguments.SkipWhile(a => !a.StartsWith("--", StringComparison.Ordinal)),
    ]);
}
