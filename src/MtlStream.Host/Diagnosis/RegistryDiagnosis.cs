using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Registry;
using MtlStream.Results;

namespace MtlStream.Host.Diagnosis;

/// <summary>Looks at the schemas of the input topics, and at those that answers need.</summary>
internal static class RegistryDiagnosis
{
    private const string Subject = "registry";

    /// <summary>What the codec would be told. The model is loaded for it: questions and replies make tasks of their own then.</summary>
    /// <exception cref="UsageException">The settings name a package or a task that there is not.</exception>
    /// <exception cref="InvalidDataException">The package is not what its manifest says.</exception>
    public static RegistrySettings Settings(AppSettings settings)
    {
        using var tool = new ToolServices(LogLevel.None);
        using var loaded = tool.Models.Load(settings.Model, settings.Tokenization, settings.Batching);
        var shape = EventEncoder.ShapeOf(loaded.Model.Tasks, settings.Output, [.. settings.Generation.Models.Keys]);
        return new(settings.Registry, settings.Input, settings.Output, shape, settings.Kafka.OutputTopic);
    }

    /// <summary>A finding for the newest schema of each topic, by the subject's usual name.</summary>
    public static async IAsyncEnumerable<Finding> FindAsync(
        AppSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stopping)
    {
        if (settings.Registry.IsOff) yield break;
        using var inspector = Open(settings);
        if (inspector is null)
        {
            yield return new(Severity.Warning, Subject, "not looked at: without the model it is not known what is in its answers", "See the finding about the model.");
            yield break;
        }
        foreach (var topic in settings.Kafka.InputTopics)
        {
            var (finding, goOn) = await FindAsync(inspector, $"{topic}-value", settings.Registry, stopping);
            yield return finding;
            if (!goOn) yield break;
        }
    }

    /// <summary>What can be said about a schema, as a finding.</summary>
    public static Finding Describe(InspectedSchema schema, RegistryOptions options)
    {
        var found = $"{schema.Name}, {schema.Type}";
        if (schema.Problem is { } problem) return new(Severity.Failure, Subject, $"{found}: {problem}", "Its events would be dead letters: correct the schema, or set Output:Format to Json where its answers are the problem.");
        if (schema.Lost.Count > 0) return new(Severity.Warning, Subject, $"{found}: {string.Join(", ", schema.Lost)} leads to no text in it", "Set Input:TextPointer to the field of the text.");
        if (schema.Answers is not { } answers) return new(Severity.Ok, Subject, found);
        if (answers.Id is { } id) return new(Severity.Ok, Subject, $"{found}; answers have schema id {id} under {answers.Subject}");
        if (!answers.IsNeeded) return new(Severity.Ok, Subject, $"{found}; answers need no schema, and have none under {answers.Subject}");
        if (!answers.IsCompatible)
            return new(Severity.Failure, Subject, $"{found}: the registry finds the schema of the answers incompatible with {answers.Subject}", "Choose another subject (Registry:SubjectNames), another output topic, or Output:Format=Json.");
        return options.AutoRegister
            ? new(Severity.Ok, Subject, $"{found}; the worker will register the schema of the answers under {answers.Subject}")
            : new(Severity.Failure, Subject, $"{found}: the schema of the answers is not registered under {answers.Subject}", "Run `mtlstream schema register`, or set Registry:AutoRegister to true.");
    }

    /// <returns>Null when the model cannot be loaded, which is a finding of its own.</returns>
    private static SchemaInspector? Open(AppSettings settings)
    {
        try
        {
            return new(Settings(settings));
        }
        catch (Exception exception) when (exception is UsageException or InvalidDataException or DeviceUnavailableException or InferenceException
            or PlatformNotSupportedException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task<(Finding Finding, bool GoOn)> FindAsync(SchemaInspector inspector, string name, RegistryOptions options, CancellationToken stopping)
    {
        try
        {
            return await inspector.InspectAsync(name, null, stopping) is { } schema
                ? (Describe(schema, options), true)
                : (new(Severity.Ok, Subject, $"{options.Url} answers; it has no subject {name}", "Where schemas have other subjects: `mtlstream schema check --subject NAME`."), true);
        }
        catch (IOException exception)
        {
            return (new(Severity.Failure, Subject, $"{options.Url}: {exception.Message}", "Correct Registry:Url and what it is opened with, or bring the registry back. Events wait for it."), false);
        }
    }
}
