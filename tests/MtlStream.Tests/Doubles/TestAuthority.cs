using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MtlStream.Tests.Doubles;

/// <summary>An authority of a test's own, and the certificates that it issues.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset s_now = TimeProvider.System.GetUtcNow();

    private readonly X509Certificate2 _own;

    public TestAuthority(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        _own = request.CreateSelfSigned(s_now.AddDays(-100), s_now.AddDays(100));
    }

    /// <summary>Its certificate, as files of authorities have it.</summary>
    public string Pem => _own.ExportCertificatePem();

    /// <param name="name">A host name or an address.</param>
    /// <param name="from">In days from now.</param>
    /// <param name="until">In days from now.</param>
    public X509Certificate2 Issue(string name, int from = -1, int until = 30)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=issued", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address)) names.AddIpAddress(address);
        else names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        var signature = X509SignatureGenerator.CreateForRSA(_own.GetRSAPrivateKey()!, RSASignaturePadding.Pkcs1);
        using var issued = request.Create(_own.SubjectName, signature, s_now.AddDays(from), s_now.AddDays(until), [1, 2, 3]);
        using var withKey = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    public void Dispose() => _own.Dispose();
}
