using System.Globalization;
using System.Text.RegularExpressions;
using Confluent.Kafka;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>Why the brokers cannot be reached, in full: for logs, not for the probes.</summary>
/// <param name="Words">What the client said, without secrets; empty when it said nothing.</param>
internal sealed record ConnectionExplanation(ConnectionCause Cause, string Words)
{
    /// <summary>A clause that may go on behind <c>cannot be reached:</c>.</summary>
    public string Reason => Words.Length == 0 ? Cause.Reason : $"{Cause.Reason} ({Words})";
}

/// <summary>Listens to what a client says while it tries to connect, and keeps what tells most. Thread-safe.</summary>
internal sealed partial class ConnectionTrouble(IReadOnlyDictionary<string, string> properties, TimeProvider time)
{
    /// <summary>What was heard longer ago no longer counts against what is heard now.</summary>
    private static readonly TimeSpan s_counts = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_probe = TimeSpan.FromSeconds(5);

    private readonly Lock _sync = new();
    private ConnectionExplanation? _heard;
    private string _said = "";
    private long _at;
    private ConnectionExplanation? _seen; // of the certificate, by the one who asks
    private long _seenAt;

    /// <summary>True once a cause was heard.</summary>
    public bool Heard
    {
        get
        {
            lock (_sync) return _heard is not null;
        }
    }

    public void Hear(Error error) => Hear(error.Reason);

    /// <summary>Takes lines about failed connections; others are none of its business.</summary>
    public void Hear(LogMessage line)
    {
        if (line.Facility is "FAIL" or "OIDC") Hear(line.Message);
    }

    public void Hear(string words)
    {
        if (ConnectionCause.Of(words, properties) is not { } cause) return;
        lock (_sync)
        {
            if (_heard is { } before && before.Cause.Weight > cause.Weight && time.GetElapsedTime(_at) < s_counts) return;
            _heard = new(cause, LibrdkafkaProperties.WithoutSecrets(Trimmed(words), properties));
            _said = words;
            _at = time.GetTimestamp();
        }
    }

    /// <summary>The brokers were reached.</summary>
    public void Over()
    {
        lock (_sync) _heard = null;
    }

    /// <summary>What was heard, or what there is to say without. Looks at the brokers' certificate where the client refuses it.</summary>
    /// <remarks>One caller at a time.</remarks>
    public async Task<ConnectionExplanation> ExplainAsync(string otherwise, CancellationToken stopping)
    {
        ConnectionExplanation? heard;
        string said;
        lock (_sync) (heard, said) = (_heard, _said);
        if (heard is null) return new(ConnectionCause.Unknown, LibrdkafkaProperties.WithoutSecrets(otherwise, properties));
        if (heard.Cause != ConnectionCause.NoAuthority && heard.Cause != ConnectionCause.WrongAuthority) return heard;
        if (AddressPattern().Match(said) is not { Success: true } address) return heard;
        if (_seen is not null && time.GetElapsedTime(_seenAt) < s_counts) return _seen;
        var port = int.Parse(address.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
        _seen = await new CertificateProbe(properties, time).FindAsync(address.Groups[1].Value, port, s_probe, stopping);
        _seenAt = time.GetTimestamp();
        return _seen ?? heard;
    }

    /// <summary>Without the thread's name and without how long it took, which would make each line another one.</summary>
    private static string Trimmed(string words) => NoisePattern().Replace(words, "").Trim();

    [GeneratedRegex(@"^\[thrd:[^\]]*\]: | \(after \d+ms in state \w+(, \d+ identical error\(s\) suppressed)?\)")]
    private static partial Regex NoisePattern();

    [GeneratedRegex(@"ssl://\[?([^\s/]+?)\]?:(\d+)/", RegexOptions.IgnoreCase)]
    private static partial Regex AddressPattern();
}
