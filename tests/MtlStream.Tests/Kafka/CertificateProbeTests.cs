using System.Net.Security;
using System.Net.Sockets;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using MtlStream.Kafka.Diagnosis;
using MtlStream.Kafka;
using MtlStream.Tests.Doubles;
using Microsoft.Extensions.Logging.Abstractions;

namespace MtlStream.Tests.Kafka;

/// <summary>A broker that shows a certificate and no more.</summary>
public sealed class CertificateProbeTests : IDisposable
{
    private readonly TestAuthority _authority = new("the authority");
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-").FullName;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ends = new();

    public void Dispose()
    {
        _ends.Cancel();
        _listener.Dispose();
        _authority.Dispose();
        _ends.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(-30, -1, "127.0.0.1", true, "has expired")]
    [InlineData(1, 30, "127.0.0.1", true, "is not valid yet")]
    [InlineData(-1, 30, "elsewhere.example", true, "is for another host name")]
    [InlineData(-1, 30, "127.0.0.1", false, "not from the authority in ssl.ca.location")]
    [InlineData(-1, 30, "127.0.0.1", null, "from an authority that this machine does not know")]
    public async Task A_client_that_refuses_a_certificate_says_what_is_wrong_with_it(int from, int until, string name, bool? knowsAuthority, string reason)
    {
        var port = Serve(_authority.Issue(name, from, until));
        var client = new Dictionary<string, string> { ["security.protocol"] = "ssl" };
        using var another = new TestAuthority("another");
        if (knowsAuthority is { } right) client["ssl.ca.location"] = Write(right ? _authority : another);
        var configuration = new KafkaConfiguration(
            new() { BootstrapServers = $"127.0.0.1:{port}", InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead", Client = client }, new());
        var trouble = new ConnectionTrouble(configuration.Admin, TimeProvider.System);
        using var asked = ClusterClient.Open(configuration, trouble, NullLogger.Instance);

        ConnectionExplanation explanation;
        var tries = 0; // on a busy machine a handshake may take its time
        do
        {
            await Assert.ThrowsAnyAsync<Exception>(() => asked.LookAsync(["in"], TimeSpan.FromSeconds(2)));
            explanation = await trouble.ExplainAsync("", CancellationToken.None);
        }
        while (!explanation.Cause.Reason.Contains(reason, StringComparison.Ordinal) && ++tries < 20);

        Assert.Contains(reason, explanation.Cause.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_that_says_nothing_is_not_waited_for()
    {
        _listener.Start();
        var probe = new CertificateProbe(new Dictionary<string, string>(), TimeProvider.System);

        Assert.Null(await probe.FindAsync("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port, TimeSpan.FromMilliseconds(50), CancellationToken.None));
    }

    private int Serve(X509Certificate2 certificate)
    {
        _listener.Start();
        _ = AcceptAsync(certificate);
        return ((IPEndPoint)_listener.LocalEndpoint).Port;
    }

    private async Task AcceptAsync(X509Certificate2 certificate)
    {
        while (!_ends.IsCancellationRequested)
        {
            try
            {
                using var connection = await _listener.AcceptTcpClientAsync(_ends.Token);
                await using var encrypted = new SslStream(connection.GetStream());
                await encrypted.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, _ends.Token);
                await encrypted.ReadExactlyAsync(new byte[1], _ends.Token);
            }
            catch (Exception exception) when (exception is IOException or SocketException or System.Security.Authentication.AuthenticationException
                or OperationCanceledException or ObjectDisposedException)
            {
                // the client did not like it, or the test is over
            }
        }
    }

    private string Write(TestAuthority authority)
    {
        var path = Path.Combine(_folder, "ca.pem");
        File.WriteAllText(path, authority.Pem);
        return path;
    }
}
