using System.Net;
using Confluent.SchemaRegistry;
using MtlStream.Registry.Transport;

namespace MtlStream.Registry.Schemas;

/// <summary>A schema registry that speaks Confluent's REST interface, by Confluent's client.</summary>
internal sealed class RegistryClient : ISchemaRegistry
{
    /// <summary>References of references: more are nobody's intention.</summary>
    private const int MostReferences = 500;

    private readonly CachedSchemaRegistryClient _client;
    private readonly RegistryTransport _transport;
    private readonly RegistryMetrics? _metrics;
    private readonly TimeProvider _time;

    public RegistryClient(RegistryOptions options, RegistryMetrics? metrics = null, TimeProvider? time = null)
    {
        _client = new(Config(options));
        _transport = RegistryTransport.Under(_client, options);
        _metrics = metrics;
        _time = time ?? TimeProvider.System;
    }

    public void Dispose() => _client.Dispose();

    public Task<SchemaText> GetAsync(SchemaKey key, CancellationToken stopping) => AskAsync("get", async () =>
    {
        if (key.Number is 0 or > int.MaxValue) throw new UnusableSchemaException($"There is no {key}");
        var schema = key.Number > 0 ? await Known(_client.GetSchemaAsync((int)key.Number, null)) : await ByGuidAsync(key.Guid);
        if (schema is null) throw new UnusableSchemaException($"The registry has no {key}");
        return await WithReferencesAsync(schema, stopping);
    }, stopping);

    public Task<SubjectSchema?> FindAsync(string subject, SchemaText schema, CancellationToken stopping) => AskAsync("find", async () =>
    {
        var found = await Known(_client.LookupSchemaAsync(subject, ToSchema(schema), ignoreDeletedSchemas: true, normalize: false));
        return found is null ? null : Registered(found, schema);
    }, stopping);

    public Task<SubjectSchema?> LatestAsync(string subject, CancellationToken stopping) => AskAsync("latest", async () =>
    {
        var found = await Known(_client.GetLatestSchemaAsync(subject));
        return found is null ? null : Registered(found, await WithReferencesAsync(found.Schema, stopping));
    }, stopping);

    public Task<bool> IsCompatibleAsync(string subject, SchemaText schema, CancellationToken stopping) => AskAsync("compatible", async () =>
    {
        var latest = await Known(_client.GetLatestSchemaAsync(subject));
        return latest is null || await _client.IsCompatibleAsync(subject, ToSchema(schema));
    }, stopping);

    public Task<SubjectSchema> RegisterAsync(string subject, SchemaText schema, CancellationToken stopping) => AskAsync("register", async () =>
    {
        try
        {
            await _client.RegisterSchemaAsync(subject, ToSchema(schema), normalize: false);
        }
        catch (SchemaRegistryException refused) when (refused.Status is HttpStatusCode.Conflict or HttpStatusCode.UnprocessableEntity)
        {
            throw new UnusableSchemaException(
                $"The registry refuses the schema of the answers under the subject {subject} with status {(int)refused.Status}: {refused.Message}");
        }
        var found = await _client.LookupSchemaAsync(subject, ToSchema(schema), ignoreDeletedSchemas: true, normalize: false);
        return Registered(found, schema);
    }, stopping);

    private static SchemaRegistryConfig Config(RegistryOptions options)
    {
        var config = new SchemaRegistryConfig
        {
            Url = string.Join(',', options.Url.Split(',').Select(url => url.Trim())),
            RequestTimeoutMs = (int)options.Timeout.TotalMilliseconds,
            MaxRetries = 1, // SchemaCache tries again, and says so
            MaxCachedSchemas = options.MaxSchemas,
        };
        if (options.Username.Length > 0) config.BasicAuthUserInfo = $"{options.Username}:{options.Password}";
        if (options.Token.Length > 0)
        {
            config.BearerAuthCredentialsSource = BearerAuthCredentialsSource.StaticToken;
            config.BearerAuthToken = options.Token;
            config.BearerAuthLogicalCluster = "";
            config.BearerAuthIdentityPoolId = "";
        }
        return config; // certificates are the transport's
    }

    /// <summary>What a request gives; null when the registry says that there is none.</summary>
    /// <remarks>It says so by a number of its own, 404xx: a 404 without one is a wrong address, or a proxy's.</remarks>
    private static async Task<T?> Known<T>(Task<T> request) where T : class
    {
        try
        {
            return await request ?? throw new RegistryTroubleException("the schema registry's answer is empty");
        }
        catch (SchemaRegistryException none) when (none.Status == HttpStatusCode.NotFound && none.ErrorCode is >= 40400 and < 40500)
        {
            return null;
        }
    }

    /// <remarks>A registry that gives no GUIDs has no such address, and answers as a wrong one does: whether it is one, something else shows.</remarks>
    private async Task<Schema?> ByGuidAsync(Guid guid)
    {
        try
        {
            return await Known(_client.GetSchemaByGuidAsync(guid.ToString(), null));
        }
        catch (SchemaRegistryException none) when (none.Status == HttpStatusCode.NotFound)
        {
            await _client.GetCompatibilityAsync();
            throw new UnusableSchemaException("The registry gives no schemas by their GUID");
        }
    }

    private async Task<T> AskAsync<T>(string request, Func<Task<T>> ask, CancellationToken stopping)
    {
        var started = _time.GetTimestamp();
        var outcome = "failed";
        try
        {
            var answer = await ask().WaitAsync(stopping);
            outcome = "answered";
            return answer;
        }
        catch (Exception exception) when (exception is UnusableSchemaException or RegistryTroubleException || stopping.IsCancellationRequested)
        {
            if (exception is UnusableSchemaException) outcome = "answered";
            throw;
        }
        catch (Exception exception) // of many types, for what answers may be no registry at all
        {
            throw new RegistryTroubleException(Trouble(exception), exception);
        }
        finally
        {
            _metrics?.Asked(request, outcome, _time.GetElapsedTime(started));
        }
    }

    private string Trouble(Exception exception) => exception switch
    {
        SchemaRegistryException { Status: var status } => RegistryTransport.Describe(status),
        OperationCanceledException => RegistryTransport.TooLate,
        HttpRequestException => _transport.Problem,
        _ => "the schema registry answers what no registry says",
    };

    private async Task<SchemaText> WithReferencesAsync(Schema schema, CancellationToken stopping)
    {
        RequireText(schema);
        var references = new List<SchemaReferenceText>();
        await AddReferencesAsync(schema, references, [], stopping);
        return new(TypeOf(schema), schema.SchemaString, references);
    }

    private async Task AddReferencesAsync(Schema schema, List<SchemaReferenceText> found, HashSet<string> seen, CancellationToken stopping)
    {
        foreach (var reference in schema.References ?? [])
        {
            stopping.ThrowIfCancellationRequested();
            if (!seen.Add(reference.Name)) continue;
            if (seen.Count > MostReferences) throw new UnusableSchemaException($"The schema has over {MostReferences} references");
            var other = await Known(_client.GetRegisteredSchemaAsync(reference.Subject, reference.Version, ignoreDeletedSchemas: false))
                ?? throw new UnusableSchemaException($"The schema refers to version {reference.Version} of the subject {reference.Subject}, which there is not");
            RequireText(other.Schema);
            await AddReferencesAsync(other.Schema, found, seen, stopping);
            found.Add(new(reference.Name, other.SchemaString, reference.Subject, reference.Version));
        }
    }

    /// <summary>The client keeps an answer without a schema like any other: it has to forget it before another try.</summary>
    private void RequireText(Schema schema)
    {
        if (!string.IsNullOrWhiteSpace(schema.SchemaString)) return;
        _client.ClearCaches();
        throw new RegistryTroubleException("the schema registry's answer holds no schema");
    }

    private static SchemaType TypeOf(Schema schema)
    {
        try
        {
            return schema.SchemaType switch
            {
                Confluent.SchemaRegistry.SchemaType.Protobuf => SchemaType.Protobuf,
                Confluent.SchemaRegistry.SchemaType.Json => SchemaType.Json,
                _ => SchemaType.Avro,
            };
        }
        catch (Exception unknown) when (unknown is InvalidOperationException or ArgumentException or NotSupportedException) // the client knows three
        {
            throw new UnusableSchemaException("The schema is of a type that is not read; expected AVRO, PROTOBUF or JSON");
        }
    }

    private static Schema ToSchema(SchemaText schema)
    {
        var type = schema.Type switch
        {
            SchemaType.Protobuf => Confluent.SchemaRegistry.SchemaType.Protobuf,
            SchemaType.Json => Confluent.SchemaRegistry.SchemaType.Json,
            _ => Confluent.SchemaRegistry.SchemaType.Avro,
        };
        return new(schema.Text, [.. schema.References.Select(r => new SchemaReference(r.Name, r.Subject, r.Version))], type);
    }

    private static SubjectSchema Registered(RegisteredSchema found, SchemaText schema) =>
        new(found.Id, Guid.TryParse(found.Guid, out var guid) ? guid : null, found.Version, schema);
}
