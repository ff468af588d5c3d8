using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace MtlStream.Tests.Registry;

/// <summary>Stands for a schema registry: Confluent's REST interface and its errors, as its documentation has them.</summary>
/// <remarks>It keeps texts and does not read them. What cannot be had here, a judgement on compatibility, tests give it.</remarks>
internal sealed class StandInRegistry : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Entry> _entries = [];
    private readonly List<(string Text, string Type, string References)> _texts = [];
    private readonly WebApplication _server;

    private StandInRegistry(WebApplication server) => _server = server;

    public string Url { get; private set; } = "";

    /// <summary>Method and path of every request, in the order in which they came.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Answers a request in the registry's place; null where it is to answer.</summary>
    public Func<HttpContext, Task?> Fault { get; set; } = _ => null;

    public bool IsCompatible { get; set; } = true;

    /// <summary>False for a registry of earlier years, which knows no GUIDs.</summary>
    public bool HasGuids { get; set; } = true;

    /// <summary>Value of the header <c>Authorization</c> that requests have to carry; null for none.</summary>
    public string? Authorization { get; set; }

    /// <summary>Subject of the certificate that the newest request came with; null for none.</summary>
    public string? ShownCertificate { get; private set; }

    /// <param name="certificate">Has it speak TLS, at <c>localhost</c>, and ask for a certificate.</param>
    /// <param name="port">0 for any.</param>
    public static async Task<StandInRegistry> StartAsync(X509Certificate2? certificate = null, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port, listen =>
        {
            if (certificate is null) return;
            listen.UseHttps(certificate, https =>
            {
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.AllowAnyClientCertificate();
            });
        }));
        var server = builder.Build();
        var registry = new StandInRegistry(server);
        server.Run(registry.AnswerAsync);
        await server.StartAsync();
        var address = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        registry.Url = $"{address.Scheme}://localhost:{address.Port}".Replace("localhost", certificate is null ? "127.0.0.1" : "localhost", StringComparison.Ordinal);
        return registry;
    }

    /// <summary>Registers a schema, as somebody else would; gives its id.</summary>
    public int Add(string subject, string text, string type = "AVRO", params (string Name, string Subject, int Version)[] references)
    {
        var given = new JsonArray([.. references.Select(r => new JsonObject { ["name"] = r.Name, ["subject"] = r.Subject, ["version"] = r.Version })]);
        lock (_gate) return Register(subject, text, type, given.ToJsonString()).Id;
    }

    /// <summary>Answers with a status and a body.</summary>
    public static Func<HttpContext, Task?> Always(int status, string body = "", string type = "application/json") => context =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        return context.Response.WriteAsync(body);
    };

    public static Guid GuidOf(int id) => new(id, 1, 2, [3, 4, 5, 6, 7, 8, 9, 10]);

    public string TextOf(int id)
    {
        lock (_gate) return _texts[id - 1].Text;
    }

    public IEnumerable<string> Subjects
    {
        get { lock (_gate) return [.. _entries.Select(e => e.Subject).Distinct()]; }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        Requests.Enqueue($"{context.Request.Method} {context.Request.Path}");
        ShownCertificate = context.Connection.ClientCertificate?.Subject;
        if (Authorization is not null && context.Request.Headers.Authorization != Authorization)
        {
            await Always(401, """{"error_code":401,"message":"Unauthorized"}""")(context)!;
            return;
        }
        if (Fault(context) is { } fault)
        {
            await fault;
            return;
        }
        var body = await JsonSerializer.DeserializeAsync<JsonNode>(context.Request.Body.CanRead && context.Request.ContentLength > 0 ? context.Request.Body : new MemoryStream("null"u8.ToArray()));
        var (status, answer) = Answer(context.Request.Method, context.Request.Path.Value!.Trim('/').Split('/').Select(Uri.UnescapeDataString).ToArray(), body);
        await Always(status, answer.ToJsonString(), "application/vnd.schemaregistry.v1+json")(context)!;
    }

    private (int Status, JsonNode Answer) Answer(string method, string[] path, JsonNode? body)
    {
        lock (_gate)
        {
            return (method, path) switch
            {
                ("GET", ["schemas", "ids", var id]) => Schema(int.Parse(id, System.Globalization.CultureInfo.InvariantCulture)),
                ("GET", ["schemas", "guids", _]) when !HasGuids => Error(404, 404, "HTTP 404 Not Found"),
                ("GET", ["schemas", "guids", var guid]) => Schema(Enumerable.Range(1, _texts.Count).FirstOrDefault(id => GuidOf(id) == Guid.Parse(guid))),
                ("POST", ["subjects", var subject, "versions"]) => IsCompatible
                    ? (200, new JsonObject { ["id"] = Register(subject, Text(body), Type(body), References(body)).Id })
                    : Error(409, 409, "Schema being registered is incompatible with an earlier schema"),
                ("POST", ["subjects", var subject]) => Find(subject, body),
                ("GET", ["subjects", var subject, "versions", var version]) => Version(subject, version),
                ("GET", ["config"]) => (200, new JsonObject { ["compatibilityLevel"] = "BACKWARD" }),
                ("POST", ["compatibility", "subjects", _, "versions", _]) => (200, new JsonObject { ["is_compatible"] = IsCompatible }),
                _ => Error(404, 404, "HTTP 404 Not Found"),
            };
        }
    }

    private Entry Register(string subject, string text, string type, string references)
    {
        var key = (text, type, references);
        if (!_texts.Contains(key)) _texts.Add(key);
        var id = _texts.IndexOf(key) + 1;
        if (_entries.Find(e => e.Subject == subject && e.Id == id) is { } known) return known;
        var entry = new Entry(subject, _entries.Count(e => e.Subject == subject) + 1, id);
        _entries.Add(entry);
        return entry;
    }

    private (int, JsonNode) Schema(int id) => id >= 1 && id <= _texts.Count
        ? (200, Described(id))
        : Error(404, 40403, $"Schema {id} not found");

    private (int, JsonNode) Find(string subject, JsonNode? body)
    {
        if (!_entries.Exists(e => e.Subject == subject)) return Error(404, 40401, $"Subject '{subject}' not found.");
        var found = _entries.Find(e => e.Subject == subject && _texts[e.Id - 1] == (Text(body), Type(body), References(body)));
        return found is null ? Error(404, 40403, "Schema not found") : (200, Described(found));
    }

    private (int, JsonNode) Version(string subject, string version)
    {
        var versions = _entries.FindAll(e => e.Subject == subject);
        if (versions.Count == 0) return Error(404, 40401, $"Subject '{subject}' not found.");
        var found = version == "latest" ? versions[^1] : versions.Find(e => $"{e.Version}" == version);
        return found is null ? Error(404, 40402, $"Version {version} not found.") : (200, Described(found));
    }

    private JsonObject Described(Entry entry)
    {
        var described = Described(entry.Id);
        described["subject"] = entry.Subject;
        described["version"] = entry.Version;
        described["id"] = entry.Id;
        return described;
    }

    private JsonObject Described(int id)
    {
        var (text, type, references) = _texts[id - 1];
        var described = new JsonObject { ["schema"] = text, ["guid"] = GuidOf(id).ToString() };
        if (type != "AVRO") described["schemaType"] = type;
        if (references != "[]") described["references"] = JsonNode.Parse(references);
        return described;
    }

    private static string Text(JsonNode? body) => (string)body!["schema"]!;

    private static string Type(JsonNode? body) => (string?)body!["schemaType"] ?? "AVRO";

    private static string References(JsonNode? body) => body!["references"]?.ToJsonString() ?? "[]";

    private static (int, JsonNode) Error(int status, int code, string message) =>
        (status, new JsonObject { ["error_code"] = code, ["message"] = message });

    private sealed record Entry(string Subject, int Version, int Id);
}
