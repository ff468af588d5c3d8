using System.ComponentModel.DataAnnotations;

namespace MtlStream.Host.Configuration;

/// <summary>Where the health endpoints are. Section <c>Http</c>.</summary>
public sealed record HttpOptions : IValidatableObject
{
    /// <summary>Address to listen on, such as <c>http://0.0.0.0:8080</c>; port 0 takes a free one and logs it, <c>off</c> opens none.</summary>
    public string Url { get; init; } = "http://127.0.0.1:8080";

    public bool IsOff => string.Equals(Url, "off", StringComparison.OrdinalIgnoreCase);

    /// <summary>Port to listen on; not to be asked when there is none.</summary>
    internal int Port => new Uri(Parseable).Port;

    /// <summary>Kestrel allows hosts that are no host names: <c>http://*:8080</c>.</summary>
    private string Parseable => Url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IsOff && !(Uri.TryCreate(Parseable, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttp && uri.PathAndQuery == "/"))
            yield return new($"{nameof(Url)} is '{Url}', expected an address such as http://127.0.0.1:8080, or off.");
    }
}
