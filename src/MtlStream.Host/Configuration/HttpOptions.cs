using System.ComponentModel.DataAnnotations;

namespace MtlStream.Host.Configuration;

/// <summary>Where the health endpoints are. Section <c>Http</c>.</summary>
public sealed record HttpOptions : IValidatableObject
{
    /// <summary>Address of the health endpoints, such as <c>http://0.0.0.0:8080</c>. Port 0 takes a free one and logs it, <c>off</c> opens none.</summary>
    public string Url { get; init; } = "http://127.0.0.1:8080";

    /// <summary>Whether Prometheus can read <see href="metrics.md#prometheus-without-a-collector">the metrics</see> there, at <c>/metrics</c>.</summary>
    public bool Metrics { get; init; }

    public bool IsOff => string.Equals(Url, "off", StringComparison.OrdinalIgnoreCase);

    /// <summary>Port to listen on; not to be asked when there is none.</summary>
    internal int Port => new Uri(Parseable).Port;

    /// <summary>Host name or address to listen on, without brackets; not to be asked when there is none.</summary>
    internal string Host => new Uri(Parseable).DnsSafeHost;

    /// <summary>Kestrel allows hosts that are no host names: <c>http://*:8080</c>.</summary>
    private string Parseable => Url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (IsOff && Metrics) yield return new("found true while Http:Url is off, expected an address at which Prometheus can ask.", [nameof(Metrics)]);
        if (IsOff) yield break;
        if (!(Uri.TryCreate(Parseable, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttp && uri.PathAndQuery == "/"))
            yield return new($"Http:Url is '{Url}', expected an address such as http://127.0.0.1:8080, or off.");
        else if (uri is { Host: "localhost", Port: 0 }) // two addresses, IPv4 and IPv6: Kestrel refuses to look for a port that is free on both
            yield return new($"Http:Url is '{Url}', expected http://127.0.0.1:0: a free port is looked for on one address only.");
    }
}
