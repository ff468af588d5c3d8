using Microsoft.Extensions.Time.Testing;
using MtlStream.Kafka.Diagnosis;

namespace MtlStream.Tests.Kafka;

public sealed class ConnectionCauseTests
{
    private const string Verify =
        "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified";

    private static readonly Dictionary<string, string> s_plain = [];
    private static readonly Dictionary<string, string> s_ssl = new() { ["security.protocol"] = "ssl" };
    private static readonly Dictionary<string, string> s_sasl = new() { ["security.protocol"] = "SASL_SSL", ["sasl.password"] = "hunter2!", ["ssl.ca.location"] = "/ca" };

    /// <summary>What librdkafka 2.16 says to a Kafka 4.3, and what it means.</summary>
    public static TheoryData<string, string, string> Said => new()
    {
        { "sasl", "SASL authentication error: Authentication failed: Invalid username or password (after 342ms in state AUTH_REQ)", "refuse user and password" },
        { "sasl", "SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512", "refuse user and password" },
        { "sasl", "SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN", "SASL mechanism" },
        { "sasl", "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms:", "takes no user" },
        { "sasl", "Failed to acquire SASL OAUTHBEARER token: Failed to connect to 127.0.0.1:1 after 0 ms", "no token" },
        { "ssl", Verify, "this machine does not know" },
        { "sasl", Verify, "not from the authority in ssl.ca.location" },
        { "ssl", "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?", "not encrypted" },
        { "ssl", "Disconnected: SSL connection closed by peer (after 4ms in state SSL_HANDSHAKE)", "listener is not encrypted" },
        { "ssl", "Disconnected: SSL connection closed by peer (after 4ms in state UP)", "without a user" },
        { "ssl", "Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116", "certificate of the client" },
        { "ssl", "SSL handshake failed: error:0A000410:SSL routines::sslv3 alert handshake failure", "version of TLS" },
        { "plain", "Disconnected: connection closed by peer: receive 0 after POLLIN (after 12ms in state APIVERSION_QUERY)", "not encrypted" },
        { "plain", "Failed to resolve 'nosuchhost.invalid:9092': Name or service not known (after 0ms in state CONNECT)", "host name" },
        { "plain", "Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)", "nothing listens" },
        { "plain", "Connection setup timed out in state CONNECT (after 8004ms in state CONNECT)", "network lets nothing through" },
        { "plain", "Failed to connect to broker at 10.9.9.9:9092: Network is unreachable (after 0ms in state CONNECT)", "network lets nothing through" },
        { "plain", "Connection setup timed out in state APIVERSION_QUERY (after 8004ms in state APIVERSION_QUERY)", "does not answer as Kafka does" },
        { "plain", "Receive failed: Invalid response size 1213486160 (0..100000000): increase receive.message.max.bytes", "is not Kafka" },
        { "plain", "Broker: Cluster authorization failed", "deny" },
    };

    [Theory]
    [MemberData(nameof(Said))]
    public void What_the_client_says_is_a_cause_with_a_remedy(string settings, string words, string reason)
    {
        var cause = ConnectionCause.Of($"[thrd:x]: 127.0.0.1:9092/bootstrap: {words}", Settings(settings))!;

        Assert.Contains(reason, cause.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(cause.Remedy);
        Assert.DoesNotContain("127.0.0.1", cause.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1/1 brokers are down")]
    [InlineData("Configuration property x is deprecated")]
    public void What_says_nothing_is_no_cause(string words) => Assert.Null(ConnectionCause.Of(words, s_plain));

    [Fact]
    public async Task Of_several_causes_the_one_that_tells_most_is_kept_until_it_is_old_or_the_brokers_are_reached()
    {
        var time = new FakeTimeProvider();
        var trouble = new ConnectionTrouble(s_sasl, time);
        trouble.Hear("1/2 brokers are down");
        Assert.False(trouble.Heard);
        Assert.Same(ConnectionCause.Unknown, await Cause());

        trouble.Hear("Invalid username or password");
        trouble.Hear("Connection refused");
        Assert.Same(ConnectionCause.Password, await Cause());
        time.Advance(TimeSpan.FromMinutes(1));
        trouble.Hear("Connection refused");
        Assert.Same(ConnectionCause.Refused, await Cause());
        trouble.Over();
        Assert.Same(ConnectionCause.Unknown, await Cause());

        async Task<ConnectionCause> Cause() => (await trouble.ExplainAsync("", CancellationToken.None)).Cause;
    }

    [Fact]
    public async Task What_the_client_said_is_told_without_secrets_and_without_what_changes()
    {
        var trouble = new ConnectionTrouble(s_sasl, TimeProvider.System);
        trouble.Hear("[thrd:a]: b:1/bootstrap: Invalid username or password hunter2! (after 342ms in state AUTH_REQ, 3 identical error(s) suppressed)");

        var explanation = await trouble.ExplainAsync("", CancellationToken.None);

        Assert.Equal("the brokers refuse user and password (b:1/bootstrap: Invalid username or password ***)", explanation.Reason);
    }

    private static Dictionary<string, string> Settings(string name) => name == "plain" ? s_plain : name == "ssl" ? s_ssl : s_sasl;
}
