namespace MtlStream.Kafka.Diagnosis;

/// <summary>Why brokers cannot be reached, and what to do about it.</summary>
/// <param name="Reason">A clause that names no address and quotes nobody, so that anybody may read it.</param>
/// <param name="Remedy">One or two sentences.</param>
/// <param name="Weight">Of several causes the heaviest tells most: a refused password says more than a closed connection.</param>
internal sealed record ConnectionCause(string Reason, string Remedy, int Weight)
{
    private const string Protocol = "Kafka:Client:security.protocol";

    public static readonly ConnectionCause Unknown = new(
        "the brokers cannot be reached",
        $"Check Kafka:BootstrapServers, the network, and {Protocol} with its sasl.* and ssl.* settings.", 0);

    public static readonly ConnectionCause Closed = new(
        "the brokers close the connection",
        $"Check {Protocol} and the port: the listener may want TLS, or a user and a password. Brokers that restart do this too.", 1);

    public static readonly ConnectionCause Silent = new(
        "what listens at the brokers' address does not answer as Kafka does",
        $"Check the port in Kafka:BootstrapServers, and whether {Protocol} is that of the listener.", 2);

    public static readonly ConnectionCause UnknownHost = new(
        "the host name of the brokers is not known",
        "Check the names in Kafka:BootstrapServers and the name service. A container does not know the names of its host.", 3);

    public static readonly ConnectionCause Refused = new(
        "nothing listens at the brokers' address",
        "Check the port in Kafka:BootstrapServers, and that the brokers run. In a container, localhost is the container itself.", 4);

    public static readonly ConnectionCause NoRoute = new(
        "the network lets nothing through to the brokers",
        "Check firewalls, network policies and routes between here and the brokers.", 4);

    public static readonly ConnectionCause NotKafka = new(
        "what listens at the brokers' address is not Kafka",
        "Check the port in Kafka:BootstrapServers: something else answers there.", 5);

    public static readonly ConnectionCause WantsTls = new(
        "the brokers close a connection that is not encrypted",
        $"Set {Protocol} to ssl or sasl_ssl, or take the port of a listener without TLS.", 6);

    public static readonly ConnectionCause WantsNoTls = new(
        "the brokers' listener is not encrypted",
        $"Set {Protocol} to plaintext or sasl_plaintext, or take the port of a listener with TLS.", 7);

    public static readonly ConnectionCause WantsSasl = new(
        "the brokers close a connection without a user",
        $"Set {Protocol} to sasl_ssl, or sasl_plaintext without TLS, and sasl.mechanism, sasl.username and sasl.password.", 6);

    public static readonly ConnectionCause WantsNoSasl = new(
        "the brokers' listener takes no user and password",
        $"Set {Protocol} to plaintext or ssl, or take the port of a listener with SASL.", 8);

    public static readonly ConnectionCause TlsVersion = new(
        "the brokers and the client have no version of TLS in common",
        "Check ssl.protocol and ssl.enabled.protocols of the brokers, and ssl.cipher.suites in Kafka:Client.", 8);

    public static readonly ConnectionCause WantsCertificate = new(
        "the brokers want a certificate of the client",
        "Set ssl.certificate.location and ssl.key.location, or ssl.keystore.location, in Kafka:Client. The brokers must trust it.", 9);

    public static readonly ConnectionCause Mechanism = new(
        "the brokers do not take this SASL mechanism",
        "Set Kafka:Client:sasl.mechanism to one that they take.", 9);

    public static readonly ConnectionCause Password = new(
        "the brokers refuse user and password",
        "Check Kafka:Client:sasl.username and sasl.password, and that the user exists for this sasl.mechanism.", 9);

    public static readonly ConnectionCause Token = new(
        "no token is to be had for OAUTHBEARER",
        "Check sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret in Kafka:Client.", 9);

    public static readonly ConnectionCause NoAuthority = new(
        "the certificate of the brokers is from an authority that this machine does not know",
        "Set Kafka:Client:ssl.ca.location to the file with the certificate of that authority.", 9);

    public static readonly ConnectionCause WrongAuthority = new(
        "the certificate of the brokers is not from the authority in ssl.ca.location",
        "Have Kafka:Client:ssl.ca.location name the file with the certificate of the authority that issued it.", 9);

    public static readonly ConnectionCause Expired = new(
        "the certificate of the brokers has expired",
        "Renew it on the brokers. If it is new, check the clock of this machine.", 10);

    public static readonly ConnectionCause NotYetValid = new(
        "the certificate of the brokers is not valid yet",
        "Check the clock of this machine, and from when on the certificate is valid.", 10);

    public static readonly ConnectionCause WrongName = new(
        "the certificate of the brokers is for another host name",
        "Use a name of the certificate in Kafka:BootstrapServers and in the brokers' advertised.listeners, or have it issued anew.", 10);

    public static readonly ConnectionCause Denied = new(
        "the brokers deny what the worker needs",
        "Grant Describe and Read on the input topics, Describe and Write on the others, and Read on the group.", 11);

    // In this order: what stands further down is part of many a text.
    private static readonly (string Words, ConnectionCause Cause)[] s_words =
    [
        ("Unsupported SASL mechanism", Mechanism),
        ("not valid in current SASL state", WantsNoSasl),
        ("OAUTHBEARER token", Token),
        ("OIDC token", Token),
        ("Invalid username or password", Password),
        ("invalid credentials", Password),
        ("Authentication failed", Password),
        ("authorization failed", Denied),
        ("certificate required", WantsCertificate),
        ("alert bad certificate", WantsCertificate),
        ("alert unknown ca", WantsCertificate),
        ("alert certificate", WantsCertificate),
        ("PLAINTEXT broker listener?", WantsNoTls),
        ("wrong version number", WantsNoTls),
        ("alert protocol version", TlsVersion),
        ("unsupported protocol", TlsVersion),
        ("no protocols available", TlsVersion),
        ("no shared cipher", TlsVersion),
        ("alert handshake failure", TlsVersion),
        ("connecting to a SSL listener?", WantsTls),
        ("Invalid response size", NotKafka),
        ("Failed to resolve", UnknownHost),
        ("Connection refused", Refused),
        ("timed out in state CONNECT", NoRoute),
        ("No route to host", NoRoute),
        ("Network is unreachable", NoRoute),
        ("Host is unreachable", NoRoute),
        ("Connection timed out", NoRoute),
        ("Failed to connect to broker", NoRoute),
        ("timed out in state", Silent),
    ];

    /// <summary>What the client's words mean; null when they say nothing about reaching a broker.</summary>
    /// <param name="properties">The client's, by the names that librdkafka has for them.</param>
    public static ConnectionCause? Of(string words, IReadOnlyDictionary<string, string> properties)
    {
        if (words.Contains("certificate verify failed", StringComparison.Ordinal)) return HasAuthority(properties) ? WrongAuthority : NoAuthority;
        foreach (var (known, cause) in s_words)
        {
            if (words.Contains(known, StringComparison.OrdinalIgnoreCase)) return cause;
        }

        return words.Contains("Disconnected", StringComparison.Ordinal) ? OfClosed(words, properties) : null;
    }

    /// <summary>True when the settings say whom to trust.</summary>
    public static bool HasAuthority(IReadOnlyDictionary<string, string> properties) =>
        properties.ContainsKey("ssl.ca.location") || properties.ContainsKey("ssl.ca.pem");

    /// <summary>What a broker means that hangs up without a word depends on how far the conversation had come.</summary>
    private static ConnectionCause OfClosed(string words, IReadOnlyDictionary<string, string> properties)
    {
        var protocol = properties.GetValueOrDefault("security.protocol", "plaintext").ToLowerInvariant();
        if (words.Contains("SSL_HANDSHAKE", StringComparison.Ordinal)) return WantsNoTls;
        if (words.Contains("APIVERSION_QUERY", StringComparison.Ordinal) && !protocol.Contains("ssl", StringComparison.Ordinal)) return WantsTls;
        if (words.Contains("closed by peer", StringComparison.Ordinal) && !protocol.StartsWith("sasl", StringComparison.Ordinal)) return WantsSasl with { Weight = 1 };
        return Closed;
    }
}
