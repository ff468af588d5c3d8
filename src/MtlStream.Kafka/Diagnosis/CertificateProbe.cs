using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>Looks at the certificate of a broker, for librdkafka only says that it does not like it.</summary>
internal sealed class CertificateProbe(IReadOnlyDictionary<string, string> properties, TimeProvider time)
{
    /// <returns>What is wrong with it; null when that cannot be found out in time.</returns>
    public async Task<ConnectionExplanation?> FindAsync(string host, int port, TimeSpan limit, CancellationToken stopping)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        ends.CancelAfter(limit);
        ConnectionExplanation? found = null;
        try
        {
            using var connection = new TcpClient();
            await connection.ConnectAsync(host, port, ends.Token);
            await using var encrypted = new SslStream(connection.GetStream(), leaveInnerStreamOpen: false);
            await encrypted.AuthenticateAsClientAsync(Options(host, Look), ends.Token);
        }
        catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException)
        {
            // What is wrong was seen on the way, or is not to be had.
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            // It takes too long.
        }

        return found;

        bool Look(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            if (certificate is X509Certificate2 shown) found = Find(shown, chain, errors, host);
            return false; // nothing is to be said on this connection
        }
    }

    private SslClientAuthenticationOptions Options(string host, RemoteCertificateValidationCallback look)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (Authorities() is { Count: > 0 } authorities)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return new() { TargetHost = host, CertificateChainPolicy = policy, RemoteCertificateValidationCallback = look };
    }

    private X509Certificate2Collection Authorities()
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            if (properties.TryGetValue("ssl.ca.pem", out var pem)) authorities.ImportFromPem(pem);
            else if (properties.TryGetValue("ssl.ca.location", out var path) && File.Exists(path)) authorities.ImportFromPemFile(path);
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            // The client reads it in its own way, and has not complained.
        }

        return authorities;
    }

    private ConnectionExplanation? Find(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors, string host)
    {
        var now = time.GetUtcNow();
        if (new DateTimeOffset(certificate.NotAfter) < now) return new(ConnectionCause.Expired, $"valid until {Utc(certificate.NotAfter)}");
        if (new DateTimeOffset(certificate.NotBefore) > now) return new(ConnectionCause.NotYetValid, $"valid from {Utc(certificate.NotBefore)}");
        var states = chain is null ? X509ChainStatusFlags.NoError : chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, s) => all | s.Status);
        if ((states & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0)
        {
            var cause = ConnectionCause.HasAuthority(properties) ? ConnectionCause.WrongAuthority : ConnectionCause.NoAuthority;
            return new(cause, $"issued by {certificate.Issuer}");
        }

        if ((states & X509ChainStatusFlags.NotTimeValid) != 0) return new(ConnectionCause.Expired, "a certificate of its authority is not valid now");
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0) return new(ConnectionCause.WrongName, $"asked for {host}, it names {Names(certificate)}");
        return null;
    }

    private static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString()))).ToList();
        return names.Count > 0 ? string.Join(", ", names) : certificate.Subject;
    }

    private static string Utc(DateTime local) => local.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
