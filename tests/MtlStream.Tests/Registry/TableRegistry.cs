using System.Collections.Concurrent;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>A registry in memory: what it is asked for, it has, or has not.</summary>
internal sealed class TableRegistry : ISchemaRegistry
{
    private readonly ConcurrentDictionary<SchemaKey, SchemaText> _schemas = [];
    private readonly ConcurrentDictionary<(string Subject, string Text), SubjectSchema> _subjects = [];
    private int _id = 100;

    /// <summary>Keys that were asked for.</summary>
    public ConcurrentQueue<SchemaKey> Asked { get; } = [];

    public IEnumerable<SubjectSchema> Registered => _subjects.Values.OrderBy(s => s.Id);

    /// <summary>Throws in place of an answer; called with the number of requests before.</summary>
    public Action<int> Trouble { get; set; } = _ => { };

    public void Add(long id, string text, SchemaType type = SchemaType.Avro, params SchemaReferenceText[] references) =>
        _schemas[SchemaKey.Of(id)] = new(type, text, references);

    public void Add(Guid id, string text, SchemaType type = SchemaType.Avro) => _schemas[SchemaKey.Of(id)] = new(type, text, []);

    public async Task<SchemaText> GetAsync(SchemaKey key, CancellationToken stopping)
    {
        await Task.Yield();
        var before = Asked.Count;
        Asked.Enqueue(key);
        Trouble(before);
        return _schemas.TryGetValue(key, out var schema) ? schema : throw new UnusableSchemaException($"The registry has no {key}");
    }

    public Task<SubjectSchema?> FindAsync(string subject, SchemaText schema, CancellationToken stopping) =>
        Task.FromResult(_subjects.GetValueOrDefault((subject, schema.Text)));

    public Task<SubjectSchema?> LatestAsync(string subject, CancellationToken stopping) =>
        Task.FromResult(_subjects.Where(s => s.Key.Subject == subject).Select(s => s.Value).MaxBy(s => s.Version));

    public Task<bool> IsCompatibleAsync(string subject, SchemaText schema, CancellationToken stopping) => Task.FromResult(true);

    public Task<SubjectSchema> RegisterAsync(string subject, SchemaText schema, CancellationToken stopping)
    {
        var version = _subjects.Count(s => s.Key.Subject == subject) + 1;
        return Task.FromResult(_subjects.GetOrAdd((subject, schema.Text), _ =>
        {
            var id = Interlocked.Increment(ref _id);
            return new(id, StandInRegistry.GuidOf(id), version, schema);
        }));
    }

    public void Dispose()
    {
    }
}
