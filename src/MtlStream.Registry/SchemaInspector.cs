using MtlStream.Events;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;

namespace MtlStream.Registry;

/// <summary>A schema of events, and the one of their answers. Names and texts are the registry's.</summary>
/// <param name="Name">Subject and version, or id.</param>
/// <param name="Type"><c>Avro</c>, <c>Protobuf</c> or <c>Json</c>.</param>
/// <param name="Text">The schema.</param>
/// <param name="Lost">The pointers that lead to no text in it.</param>
/// <param name="Answers">What answers need; null where they need no schema.</param>
/// <param name="Problem">Why it cannot be used, in a sentence; null where it can.</param>
public sealed record InspectedSchema(
    string Name, string Type, string Text, IReadOnlyList<string> Lost, InspectedAnswers? Answers, string? Problem);

/// <param name="Text">The schema of the answers.</param>
/// <param name="Before">What it follows: the subject's newest schema, or that of the events.</param>
/// <param name="Id">Under which it is registered; null where it is not.</param>
/// <param name="IsNeeded">Whether events wait until it is registered.</param>
public sealed record InspectedAnswers(string Subject, string Text, string Before, int? Id, bool IsCompatible, bool IsNeeded);

/// <summary>Looks at the schemas of events before the worker does, and registers those of answers.</summary>
public sealed class SchemaInspector : IDisposable
{
    private readonly RegistrySettings _settings;
    private readonly ISchemaRegistry _registry;

    public SchemaInspector(RegistrySettings settings) : this(settings, new RegistryClient(settings.Registry))
    {
    }

    internal SchemaInspector(RegistrySettings settings, ISchemaRegistry registry)
    {
        _settings = settings;
        _registry = registry;
    }

    /// <summary>Inspects a subject's newest schema, or the schema of an id or GUID; null when there is none.</summary>
    /// <param name="message">Which of Protobuf's messages; null for the first one.</param>
    /// <exception cref="IOException">The registry does not answer as one.</exception>
    public Task<InspectedSchema?> InspectAsync(string name, string? message, CancellationToken stopping) => AskAsync(async () =>
    {
        var found = await FindAsync(name, stopping);
        return found is (var title, var schema) ? await DescribeAsync(title, schema, message, stopping) : null;
    });

    /// <summary>Registers the schema of the answers; gives its id and version.</summary>
    /// <exception cref="IOException">The registry does not answer as one, or refuses it.</exception>
    public async Task<(int Id, int Version)?> RegisterAsync(string name, string? message, CancellationToken stopping)
    {
        var registered = await AskAsync(async () =>
        {
            if (await FindAsync(name, stopping) is not (_, var schema)) return null;
            var (subject, answers) = AnswersTo(SchemaReaders.Of(name, schema, TextPointers.Of(_settings.Input)), message);
            return await _registry.RegisterAsync(subject, answers, stopping);
        });
        return registered is null ? null : (registered.Id, registered.Version);
    }

    public void Dispose() => _registry.Dispose();

    private static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception exception) when (exception is RegistryTroubleException or UnusableSchemaException)
        {
            throw new IOException($"{char.ToUpperInvariant(exception.Message[0])}{exception.Message[1..]}.", exception);
        }
    }

    private async Task<(string, SchemaText)?> FindAsync(string name, CancellationToken stopping)
    {
        try
        {
            if (long.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id))
                return ($"schema id {id}", await _registry.GetAsync(SchemaKey.Of(id), stopping));
            if (Guid.TryParse(name, out var guid)) return ($"schema GUID {guid}", await _registry.GetAsync(SchemaKey.Of(guid), stopping));
        }
        catch (UnusableSchemaException)
        {
            return null;
        }
        var latest = await _registry.LatestAsync(name, stopping);
        return latest is null ? null : ($"version {latest.Version} of {name}", latest.Schema);
    }

    private async Task<InspectedSchema> DescribeAsync(string title, SchemaText schema, string? message, CancellationToken stopping)
    {
        try
        {
            var pointers = TextPointers.Of(_settings.Input);
            var reader = SchemaReaders.Of(title, schema, pointers);
            var texts = reader.TextsIn(reader.TypeOf(message));
            List<string> lost = texts is null ? [] : [.. Enumerable.Range(0, pointers.Count).Where(i => !texts.Contains(i)).Select(i => pointers[i].ToString())];
            var answers = _settings.Output.Format == OutputFormat.Same
                ? await AnswersAsync(reader, schema, message, stopping) : null;
            return new(title, $"{schema.Type}", schema.Text, lost, answers, null);
        }
        catch (UnusableSchemaException unusable)
        {
            return new(title, $"{schema.Type}", schema.Text, [], null, $"{unusable.Message}.");
        }
    }

    private async Task<InspectedAnswers> AnswersAsync(SchemaReader reader, SchemaText schema, string? message, CancellationToken stopping)
    {
        var (subject, answers) = AnswersTo(reader, message);
        var registered = await _registry.FindAsync(subject, answers, stopping);
        var latest = await _registry.LatestAsync(subject, stopping);
        var compatible = registered is not null || await _registry.IsCompatibleAsync(subject, answers, stopping);
        return new(subject, answers.Text, latest?.Schema.Text ?? schema.Text, registered?.Id, compatible, reader.TakesValues);
    }

    private (string Subject, SchemaText Schema) AnswersTo(SchemaReader reader, string? message)
    {
        var answers = reader.Extend(AnalysisForm.Of(_settings.Shape), reader.TypeOf(message), out var name);
        return (Subjects.NameOf(_settings.Registry.SubjectNames, _settings.OutputTopic, name), answers);
    }
}
