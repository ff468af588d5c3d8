using System.CommandLine;
using System.Text.Json;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Diagnosis;
using MtlStream.Registry;

namespace MtlStream.Host;

/// <summary><c>mtlstream schema show</c>, <c>check</c> and <c>register</c>: the schemas of events, and those of their answers.</summary>
internal static class SchemaCommands
{
    private static readonly JsonSerializerOptions s_indented = new(CommonOptions.Json) { WriteIndented = true };

    public static Command Build() => new CliCommand(
        "schema", "Looks at schemas in the schema registry, and registers those of the answers.",
        "mtlstream schema check --Registry:Url=http://registry:8081 --Kafka:InputTopics:0=comments --Kafka:OutputTopic=comments-enriched")
    {
        Command("show", "Prints schemas, and those that their answers have.", ShowAsync, "mtlstream schema show --subject comments-value --Registry:Url=http://registry:8081 --Kafka:OutputTopic=comments-enriched"),
        Command("check", "Says whether the worker finds texts by them, and whether the schemas of the answers are registered. Exit code 1: events would be rejected or wait.", CheckAsync, "mtlstream schema check --subject 17 --Registry:Url=http://registry:8081 --Kafka:OutputTopic=comments-enriched"),
        Register(),
    };

    private static CliCommand Register()
    {
        var yes = new Option<bool>("--yes") { Description = "Register them; without it only the difference is shown." };
        return Command(
            "register", "Shows what is new in the schemas of the answers, and registers them with --yes.",
            (given, settings, stopping) => RegisterAsync(given, settings, given.Parsed.GetValue(yes), stopping),
            "mtlstream schema register --subject comments-value --yes --Registry:Url=http://registry:8081 --Kafka:OutputTopic=comments-enriched", yes);
    }

    /// <param name="Names">Subjects, ids and GUIDs.</param>
    /// <param name="Message">Which of Protobuf's messages; null for the first one.</param>
    private sealed record Given(ParseResult Parsed, IReadOnlyList<string> Names, string? Message, TextWriter Output);

    private static CliCommand Command(string name, string description, Func<Given, AppSettings, CancellationToken, Task<int>> run, string example, params Option[] more)
    {
        var names = new Option<string[]>("--subject") { Description = "A subject, an id or a GUID; may be given several times. Without it TOPIC-value of each input topic.", HelpName = "NAME" };
        var message = new Option<string?>("--message") { Description = "Which message of a .proto file; without it the first one.", HelpName = "NAME" };
        var command = new CliCommand(name, description, example) { names, message, SettingsLookup.Config, SettingsLookup.Secrets };
        foreach (var option in more) command.Add(option);
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) =>
        {
            var settings = AppSettings.Load(parsed, "InputTopics", "OutputTopic", "DeadLetterTopic");
            if (settings.Registry.IsOff) throw new UsageException("Registry:Url: found none, expected the address of the schema registry.");
            if (settings.Kafka.OutputTopic.Length == 0 && settings.Registry.SubjectNames != SubjectNames.Record)
                throw new UsageException("Kafka:OutputTopic: found none, expected the topic that the subject of the answers is named by.");
            string[] chosen = parsed.GetValue(names) is { Length: > 0 } given ? given : [.. settings.Kafka.InputTopics.Select(t => $"{t}-value")];
            if (chosen.Length == 0) throw new UsageException("found neither --subject nor Kafka:InputTopics, expected one of the two.");
            return run(new(parsed, chosen, parsed.GetValue(message), parsed.InvocationConfiguration.Output), settings, stopping);
        });
        return command;
    }

    private static Task<int> ShowAsync(Given given, AppSettings settings, CancellationToken stopping) => EachAsync(given, settings, (_, _, schema) =>
    {
        given.Output.WriteLine($"{schema.Name}, {schema.Type}:");
        given.Output.WriteLine(Readable(schema.Text));
        if (schema.Answers is not { } answers) return Task.FromResult(true);
        given.Output.WriteLine(answers.Id is { } id ? $"{answers.Subject}, schema id {id}:" : $"{answers.Subject}, not registered:");
        given.Output.WriteLine(Readable(answers.Text));
        return Task.FromResult(true);
    }, stopping);

    private static Task<int> CheckAsync(Given given, AppSettings settings, CancellationToken stopping) => EachAsync(given, settings, (_, _, schema) =>
    {
        var finding = RegistryDiagnosis.Describe(schema, settings.Registry);
        given.Output.WriteLine($"{finding.Severity.ToString().ToLowerInvariant(),-7} {finding.Found}");
        if (finding.Remedy is { } remedy) given.Output.WriteLine($"        -> {remedy}");
        return Task.FromResult(finding.Severity != Severity.Failure);
    }, stopping);

    private static Task<int> RegisterAsync(Given given, AppSettings settings, bool yes, CancellationToken stopping) =>
        EachAsync(given, settings, async (inspector, name, schema) =>
        {
            if (schema.Problem is { } problem) throw new IOException($"{schema.Name}: {problem}");
            if (schema.Answers is not { } answers)
            {
                given.Output.WriteLine($"{schema.Name}: its answers need no schema.");
                return true;
            }
            if (answers.Id is { } known)
            {
                given.Output.WriteLine($"{answers.Subject}: registered already, schema id {known}.");
                return true;
            }
            given.Output.WriteLine($"{answers.Subject}, after {schema.Name}:");
            foreach (var line in LineDifference.Of(Readable(answers.Before), Readable(answers.Text))) given.Output.WriteLine(line);
            if (!answers.IsCompatible) throw new IOException($"{answers.Subject}: the registry finds the schema incompatible; nothing is registered.");
            if (!yes)
            {
                given.Output.WriteLine("Nothing is registered yet: do it with --yes.");
                return true;
            }
            if (await inspector.RegisterAsync(name, given.Message, stopping) is (var id, var version))
                given.Output.WriteLine($"{answers.Subject}: version {version}, schema id {id}.");
            return true;
        }, stopping);

    /// <returns>Done when all of them are fine.</returns>
    private static async Task<int> EachAsync(
        Given given, AppSettings settings, Func<SchemaInspector, string, InspectedSchema, Task<bool>> work, CancellationToken stopping)
    {
        using var inspector = new SchemaInspector(RegistryDiagnosis.Settings(settings));
        var fine = true;
        foreach (var name in given.Names)
        {
            if (await inspector.InspectAsync(name, given.Message, stopping) is { } schema) fine &= await work(inspector, name, schema);
            else throw new IOException($"{name}: the registry has no such subject or id.");
        }
        return fine ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static string Readable(string schema)
    {
        try
        {
            using var document = JsonDocument.Parse(schema, new() { MaxDepth = 1000 });
            return JsonSerializer.Serialize(document.RootElement, s_indented);
        }
        catch (JsonException)
        {
            return schema.TrimEnd(); // Protobuf
        }
    }
}
