namespace MtlStream.Registry.Schemas;

/// <summary>A schema under a subject.</summary>
/// <param name="Guid">Null of registries that give none.</param>
internal sealed record SubjectSchema(int Id, Guid? Guid, int Version, SchemaText Schema);

/// <summary>What the codec and the commands ask a schema registry. Thread-safe.</summary>
/// <remarks>Each call throws <see cref="RegistryTroubleException"/> where another try may help.</remarks>
internal interface ISchemaRegistry : IDisposable
{
    /// <exception cref="UnusableSchemaException">There is none, or of a kind that nobody knows.</exception>
    Task<SchemaText> GetAsync(SchemaKey key, CancellationToken stopping);

    /// <summary>The id of a schema under a subject; null when it is not registered there.</summary>
    Task<SubjectSchema?> FindAsync(string subject, SchemaText schema, CancellationToken stopping);

    /// <summary>The newest schema of a subject; null when it has none.</summary>
    Task<SubjectSchema?> LatestAsync(string subject, CancellationToken stopping);

    /// <summary>Whether a schema may follow those of a subject, as the registry is told to judge; true when the subject is new.</summary>
    Task<bool> IsCompatibleAsync(string subject, SchemaText schema, CancellationToken stopping);

    /// <summary>Registers a schema, or finds the one that is equal to it.</summary>
    /// <exception cref="UnusableSchemaException">The registry refuses it, as incompatible for instance.</exception>
    Task<SubjectSchema> RegisterAsync(string subject, SchemaText schema, CancellationToken stopping);
}
