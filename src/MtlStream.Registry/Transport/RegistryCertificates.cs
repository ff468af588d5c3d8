using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace MtlStream.Registry.Transport;

/// <summary>Whom the worker trusts, whom it says it is, and why it does not like a certificate.</summary>
internal static class RegistryCertificates
{
    private const X509ChainStatusFlags Unknown = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

    /// <summary>The certificates in a file in PEM.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">There is none in it, or a damaged one.</exception>
    public static X509Certificate2Collection Authorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(file);
        if (authorities.Count == 0) throw new System.Security.Cryptography.CryptographicException("There is no certificate.");
        return authorities;
    }

    /// <summary>The certificate and key in a file in PKCS #12.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It is another file, or has another password.</exception>
    public static X509Certificate2 Own(string file, string password) => X509CertificateLoader.LoadPkcs12FromFile(file, password);

    /// <summary>Why a certificate is refused, in a sentence without its full stop; null where it is not.</summary>
    /// <param name="host">That was asked for.</param>
    /// <param name="ownAuthorities">Whether a file names those that are trusted.</param>
    public static string? Refusal(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, string host, bool ownAuthorities)
    {
        if (errors == SslPolicyErrors.None) return null;
        if (certificate is not X509Certificate2 shown) return "the schema registry shows no certificate";
        var states = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status) ?? X509ChainStatusFlags.NoError;
        if (states.HasFlag(X509ChainStatusFlags.NotTimeValid)) return "the schema registry's certificate, or one of its authorities', is not valid at this time";
        if ((states & Unknown) != 0)
        {
            return ownAuthorities
                ? "the schema registry's certificate is not issued by an authority in Registry:CaFile"
                : "the schema registry's certificate is issued by nobody whom the system trusts; Registry:CaFile can name another authority";
        }
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return $"the schema registry's certificate is made out to {NamesOf(shown)}, expected {host}";
        return $"the schema registry's certificate is refused: {states}";
    }

    private static string NamesOf(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString()))).Take(5).ToList();
        return names.Count > 0 ? string.Join(", ", names) : "no name";
    }
}
