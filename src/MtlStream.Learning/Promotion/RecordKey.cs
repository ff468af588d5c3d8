using System.Security.Cryptography;
using System.Text;

namespace MtlStream.Learning.Promotion;

/// <summary>The key of a file that signs records, or checks them.</summary>
/// <remarks>
/// A PEM of an elliptic curve signs by ECDSA over SHA-256 (DER, as <c>openssl dgst -sha256 -sign</c> does); its public half is enough to check. Any
/// other file is the secret of an HMAC-SHA256.
/// </remarks>
public sealed class RecordKey : IDisposable
{
    private const int LeastSecret = 16;

    private readonly ECDsa? _curve;
    private readonly byte[] _secret;

    private RecordKey(ECDsa? curve, byte[] secret) => (_curve, _secret) = (curve, secret);

    /// <summary><c>ecdsa-sha256</c> or <c>hmac-sha256</c>.</summary>
    public string Algorithm => _curve is null ? "hmac-sha256" : "ecdsa-sha256";

    /// <exception cref="UsageException">There is no such file, or it holds no key; says what it holds, and nothing of it.</exception>
    public static RecordKey Read(string path)
    {
        if (!File.Exists(path)) throw new UsageException($"--key {path}: there is no such file; openssl ecparam -genkey -name prime256v1 -noout -out {path} makes one.");
        var content = File.ReadAllBytes(path);
        if (!content.AsSpan().StartsWith("-----BEGIN"u8))
        {
            if (content.Length < LeastSecret) throw new UsageException($"--key {path}: found {content.Length} bytes, expected {LeastSecret} at least.");
            return new(null, content);
        }

        var curve = ECDsa.Create();
        try
        {
            curve.ImportFromPem(Encoding.ASCII.GetString(content));
            return new(curve, []);
        }
        catch (Exception exception) when (exception is ArgumentException or CryptographicException)
        {
            curve.Dispose();
            throw new UsageException($"--key {path}: expected a PEM with one key of an elliptic curve, unencrypted.", exception);
        }
    }

    /// <exception cref="UsageException">It is a public key.</exception>
    public byte[] Sign(byte[] record)
    {
        if (_curve is null) return HMACSHA256.HashData(_secret, record);
        try
        {
            return _curve.SignData(record, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException exception)
        {
            throw new UsageException("--key: a public key checks records; expected the private one to sign.", exception);
        }
    }

    public bool Verifies(byte[] record, byte[] signature) => _curve is null
        ? CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(_secret, record), signature)
        : _curve.VerifyData(record, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    public void Dispose() => _curve?.Dispose();
}
