using System.Net;
using System.Net.Security;
using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using Confluent.SchemaRegistry;

namespace MtlStream.Registry.Transport;

/// <summary>The HTTP that Confluent's client speaks here: trusts the authorities of a file, checks host names, bounds answers, and notes what went wrong.</summary>
/// <remarks>
/// By itself the client compares such a file with what the server sends along, takes any host name then, and tells no reason.
/// It takes no HTTP of others, so that its own is exchanged in its fields. A version without them fails at the start, and never connects.
/// </remarks>
internal sealed class RegistryTransport
{
    /// <summary>Schemas have kilobytes, seldom megabytes.</summary>
    private const int MostBytes = 64 << 20;

    public const string TooLate = "the schema registry does not answer in time";

    /// <summary>What can go wrong yet when an answer has begun.</summary>
    private static readonly string s_tooLong = $"the schema registry's answer breaks off, or has over {MostBytes >> 20} MB";

    private readonly RegistryOptions _options;
    private volatile string? _refusal;

    private RegistryTransport(RegistryOptions options) => _options = options;

    /// <summary>What went wrong last, in a sentence without its full stop.</summary>
    public string Problem { get; private set; } = "the schema registry cannot be reached";

    /// <exception cref="MissingFieldException">This version of the client is another one.</exception>
    public static RegistryTransport Under(CachedSchemaRegistryClient client, RegistryOptions options)
    {
        var transport = new RegistryTransport(options);
        var clients = (List<HttpClient>)FieldOf(FieldOf(client, "restService"), "clients");
        for (var i = 0; i < clients.Count; i++)
        {
            using var before = clients[i];
            clients[i] = new(new Noting(transport))
            {
                BaseAddress = before.BaseAddress, Timeout = before.Timeout, MaxResponseContentBufferSize = MostBytes,
            };
        }
        return transport;
    }

    public static string Describe(HttpStatusCode status) => status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
        ? $"the schema registry refuses the worker with status {(int)status}" : $"the schema registry answers with status {(int)status}";

    private static object FieldOf(object owner, string name) =>
        owner.GetType().GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(owner)
        ?? throw new MissingFieldException(owner.GetType().FullName, name);

    private SocketsHttpHandler Handler()
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (_options.CaFile.Length > 0)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(RegistryCertificates.Authorities(_options.CaFile));
        }
        var security = new SslClientAuthenticationOptions { CertificateChainPolicy = policy, RemoteCertificateValidationCallback = IsTrusted };
        if (_options.KeystoreFile.Length > 0)
            security.ClientCertificates = [RegistryCertificates.Own(_options.KeystoreFile, _options.KeystorePassword)];
        return new() { SslOptions = security, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) };
    }

    private bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _refusal = RegistryCertificates.Refusal(certificate, chain, errors, ((SslStream)sender).TargetHostName, _options.CaFile.Length > 0);
        return _refusal is null;
    }

    private sealed class Noting(RegistryTransport transport) : DelegatingHandler(transport.Handler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                var response = await base.SendAsync(request, cancellationToken);
                transport.Problem = response.IsSuccessStatusCode ? s_tooLong : Describe(response.StatusCode);
                return response;
            }
            catch (OperationCanceledException late)
            {
                transport.Problem = TooLate;
                throw new HttpRequestException(TooLate, late); // of which the client goes on to the next address
            }
            catch (HttpRequestException failed)
            {
                transport.Problem = failed.HttpRequestError switch
                {
                    HttpRequestError.SecureConnectionError => transport._refusal ?? "the schema registry and the worker agree on no secure connection",
                    HttpRequestError.NameResolutionError => "the schema registry's host name is not known",
                    _ => "the schema registry cannot be reached",
                };
                throw;
            }
        }
    }
}
