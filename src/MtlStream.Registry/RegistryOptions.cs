using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using MtlStream.Registry.Transport;

namespace MtlStream.Registry;

/// <summary>Under which subject the schemas of answers are registered.</summary>
public enum SubjectNames
{
    /// <summary><c>TOPIC-value</c>, with the output topic.</summary>
    Topic,

    /// <summary>The full name of the record or message.</summary>
    Record,

    /// <summary><c>TOPIC-RECORD</c>.</summary>
    TopicRecord,
}

/// <summary>The schema registry that events name their schemas of. Section <c>Registry</c>.</summary>
public sealed record RegistryOptions : IValidatableObject
{
    /// <summary>Address of <see href="events.md#schema-registries">the schema registry</see>; several of one, separated by commas. None: events are read without one.</summary>
    public string Url { get; init; } = "";

    /// <summary>User name of basic authentication.</summary>
    public string Username { get; init; } = "";

    /// <summary>Its password.</summary>
    public string Password { get; init; } = "";

    /// <summary>Token of bearer authentication, in place of a user name.</summary>
    public string Token { get; init; } = "";

    /// <summary>File in PEM with the authorities that may have issued the registry's certificate. None: those that the system trusts.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>File in PKCS #12 with a certificate and key that the worker shows.</summary>
    public string KeystoreFile { get; init; } = "";

    /// <summary>Password of that file.</summary>
    public string KeystorePassword { get; init; } = "";

    /// <summary>How long one request may take.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:05:00")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most schemas that are kept; the one that was not used for longest is asked for again.</summary>
    [Range(1, 100_000)]
    public int MaxSchemas { get; init; } = 1000;

    /// <summary>Under which subject the schemas of answers are.</summary>
    public SubjectNames SubjectNames { get; init; }

    /// <summary>Whether the worker registers schemas of answers. Otherwise <c>mtlstream schema register</c> does, and the worker waits for it.</summary>
    public bool AutoRegister { get; init; }

    public bool IsOff => Url.Length == 0;

    /// <remarks>Not what a record says of itself: secrets are in it.</remarks>
    public override string ToString() => nameof(RegistryOptions);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var url in IsOff ? [] : Url.Split(','))
        {
            if (!Uri.TryCreate(url.Trim(), UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
                yield return new("found something else than addresses, expected one such as https://registry:8081.", [nameof(Url)]);
            else if (uri.UserInfo.Length > 0)
                yield return new("found a user in the address, expected Registry:Username and Registry:Password for it.", [nameof(Url)]);
        }
        if (Username.Length == 0 && Password.Length > 0) yield return new("found a password without Registry:Username.", [nameof(Password)]);
        if (Username.Length > 0 && Token.Length > 0) yield return new("found beside Registry:Username, expected one of the two.", [nameof(Token)]);
        if (Username.Contains(':', StringComparison.Ordinal)) yield return new("found a colon in it, which basic authentication cannot carry.", [nameof(Username)]);
        if (Problem(CaFile, "certificates in PEM", () => RegistryCertificates.Authorities(CaFile)) is { } authorities) yield return new(authorities, [nameof(CaFile)]);
        if (Problem(KeystoreFile, "a file in PKCS #12 that Registry:KeystorePassword opens", () => RegistryCertificates.Own(KeystoreFile, KeystorePassword)) is { } own)
            yield return new(own, [nameof(KeystoreFile)]);
    }

    /// <summary>Why a file cannot be used; null where it can, or none is given.</summary>
    private static string? Problem(string file, string expected, Action read)
    {
        if (file.Length == 0) return null;
        if (!File.Exists(file)) return $"there is no file {file}.";
        try
        {
            read();
            return null;
        }
        catch (CryptographicException)
        {
            return $"found something else in {file}, expected {expected}.";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"{file} cannot be read: {exception.Message}";
        }
    }
}
