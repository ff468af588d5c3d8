using System.ComponentModel.DataAnnotations;
using System.Net;

namespace MtlStream.Http;

/// <summary>The worker's address, and what is served there. Section <c>Http</c>.</summary>
public sealed record HttpOptions : IValidatableObject
{
    private const int ShortestToken = 16;

    /// <summary>Address of the health endpoints, such as <c>http://0.0.0.0:8080</c>. Port 0 takes a free one and logs it, <c>off</c> opens none.</summary>
    public string Url { get; init; } = "http://127.0.0.1:8080";

    /// <summary>Whether Prometheus can read <see href="metrics.md#prometheus-without-a-collector">the metrics</see> there, at <c>/metrics</c>.</summary>
    public bool Metrics { get; init; }

    /// <summary>Whether texts can be sent there <see href="http.md">to be annotated</see>, at <c>/v1/annotate</c>.</summary>
    public bool Annotate { get; init; }

    /// <summary>Address for <see href="http.md#open-inference-protocol">gRPC</see>, such as <c>http://127.0.0.1:8081</c>. <c>off</c> opens none.</summary>
    public string GrpcUrl { get; init; } = "off";

    /// <summary>Whether <see href="page.md">the page</see> is served there: to try texts, watch the stream, answer questions. With <c>Annotate</c>.</summary>
    public bool Page { get; init; }

    /// <summary>Whether the page shows texts of the stream. Else it shows labels without a word of them.</summary>
    public bool ShowTexts { get; init; }

    /// <summary>
    /// What <c>Authorization: Bearer</c> must say, 16 characters at least. An address that other machines reach needs it for <c>Annotate</c> and <c>Page</c>.
    /// A secret: give it in the environment or in a file.
    /// </summary>
    public string Token { get; init; } = "";

    /// <summary>Share of the model's time for which requests go ahead of the stream. Beyond it they take what the stream leaves.</summary>
    [Range(0, 1.0)]
    public double Share { get; init; } = 0.1;

    /// <summary>Most texts of requests that wait to be worked on. What comes beyond is answered by 429. One request has no more texts either.</summary>
    [Range(1, 1 << 16)]
    public int MaxWaiting { get; init; } = 256;

    /// <summary>Longest body of a request.</summary>
    [Range(1, 256 << 20)]
    public int MaxBytes { get; init; } = 1 << 20;

    /// <summary>How long a request may take, from its first byte on.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    public bool IsOff => string.Equals(Url, "off", StringComparison.OrdinalIgnoreCase);

    /// <summary>Port to listen on; not to be asked when there is none.</summary>
    public int Port => new Uri(Parseable).Port;

    /// <summary>Host name or address to listen on, without brackets; not to be asked when there is none.</summary>
    public string Host => new Uri(Parseable).DnsSafeHost;

    /// <summary>Whether only this machine can connect; not to be asked when nobody can.</summary>
    public bool IsLoopback => IsLoopbackHost(Host);

    /// <summary>Whether anything beside the health endpoints, the status and the metrics is served.</summary>
    public bool Serves => (!IsOff && (Annotate || Page)) || ServesGrpc;

    /// <summary>Whether gRPC is served.</summary>
    public bool ServesGrpc => !string.Equals(GrpcUrl, "off", StringComparison.OrdinalIgnoreCase);

    /// <summary>Kestrel allows hosts that are no host names: <c>http://*:8080</c>.</summary>
    private string Parseable => ParseableOf(Url);

    private static string ParseableOf(string url) => url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal);

    private static bool IsLoopbackHost(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Token.Length is > 0 and < ShortestToken || Token.Any(c => c is <= ' ' or > '~'))
            yield return new($"found {Token.Length} characters, expected {ShortestToken} at least, of ASCII without spaces.", [nameof(Token)]);
        if (ServesGrpc && Uri.TryCreate(ParseableOf(GrpcUrl), UriKind.Absolute, out var grpc) && grpc is { Scheme: "http", PathAndQuery: "/" })
        {
            if (!IsLoopbackHost(grpc.DnsSafeHost) && Token.Length == 0)
                yield return new($"found none while Http:GrpcUrl is {GrpcUrl}, which other machines reach: expected the secret that requests have to bring.", [nameof(Token)]);
        }
        else if (ServesGrpc)
        {
            yield return new($"found '{GrpcUrl}', expected an address such as http://127.0.0.1:8081, or off.", [nameof(GrpcUrl)]);
        }

        if (IsOff && Metrics) yield return new("found true while Http:Url is off, expected an address at which Prometheus can ask.", [nameof(Metrics)]);
        if (IsOff && Annotate) yield return new("found true while Http:Url is off, expected an address at which it can be asked.", [nameof(Annotate)]);
        if (IsOff && Page) yield return new("found true while Http:Url is off, expected an address at which it can be opened.", [nameof(Page)]);
        if (IsOff) yield break;
        if (!(Uri.TryCreate(Parseable, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttp && uri.PathAndQuery == "/"))
            yield return new($"Http:Url is '{Url}', expected an address such as http://127.0.0.1:8080, or off.");
        else if (uri is { Host: "localhost", Port: 0 }) // two addresses, IPv4 and IPv6: Kestrel refuses to look for a port that is free on both
            yield return new($"Http:Url is '{Url}', expected http://127.0.0.1:0: a free port is looked for on one address only.");
        else if ((Annotate || Page) && !IsLoopback && Token.Length == 0)
            yield return new($"found none while Http:Url is {Url}, which other machines reach: expected the secret that requests have to bring.", [nameof(Token)]);
    }
}
