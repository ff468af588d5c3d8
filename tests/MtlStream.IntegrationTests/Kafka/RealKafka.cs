using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>A real Apache Kafka of its own, on free ports and in a folder of its own; removed when it is disposed.</summary>
internal sealed class RealKafka : IDisposable
{
    private const string HowToGetOne = "Set MTLSTREAM_TEST_KAFKA to the script that drives a real Kafka.";

    /// <summary>The script whose verbs CONTRIBUTING.md describes.</summary>
    private static readonly string? s_script = Environment.GetEnvironmentVariable("MTLSTREAM_TEST_KAFKA") is { Length: > 0 } named ? named : null;

    private static readonly Lazy<RealKafka> s_shared = new(() => Start(secure: true));

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"mtlstream-kafka-{Guid.NewGuid():N}");
    private readonly int _nodes;
    private readonly int _port;
    private int _advertised;

    private RealKafka(string bootstrapServers, int nodes, int port, int advertised) =>
        (BootstrapServers, _nodes, _port, _advertised) = (bootstrapServers, nodes, port, advertised);

    /// <summary>One node, plain and SASL_SSL, for all tests that neither stop nor alter it; started by the first of them.</summary>
    public static RealKafka Shared => s_shared.Value;

    public string BootstrapServers { get; }

    /// <summary>Starts one with the script and returns when it is ready.</summary>
    /// <param name="nodes">1 or 3.</param>
    /// <param name="secure">Also listens for <see cref="SaslSsl"/>.</param>
    /// <param name="port">Of the first node, see <see cref="FreePort"/>; null for any.</param>
    /// <param name="advertised">Port at which clients are told to find the first node, where a proxy listens; null for the node's own.</param>
    public static RealKafka Start(int nodes = 1, bool secure = false, int? port = null, int? advertised = null)
    {
        var first = port ?? FreePort();
        var told = advertised ?? first;
        var kafka = new RealKafka(string.Join(',', Enumerable.Range(told, nodes).Select(p => $"127.0.0.1:{p}")), nodes, first, told);
        List<string> arguments = ["start", "--nodes", $"{nodes}", "--port", $"{first}"];
        if (secure) arguments.Add("--secure");
        if (advertised is { } at) arguments.AddRange(["--advertise", $"{at}"]);
        try
        {
            kafka.Command([.. arguments]);
            return kafka;
        }
        catch
        {
            kafka.Dispose();
            throw;
        }
    }

    /// <summary>A port P such that those that the nodes take (P, P+100, ... P+400 and the next ones of each) are free.</summary>
    public static int FreePort()
    {
        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(l => l.Port).ToHashSet();
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000); // below the ephemeral ports, which clients take
            if (Enumerable.Range(0, 5).All(hundred => Enumerable.Range(port + (100 * hundred), 4).All(p => !taken.Contains(p)))) return port;
        }
    }

    /// <summary>librdkafka settings of a client that comes by SASL_SSL; needs <c>secure</c>.</summary>
    public IReadOnlyDictionary<string, string> SaslSsl(string mechanism) => new Dictionary<string, string>
    {
        ["bootstrap.servers"] = string.Join(',', Enumerable.Range(_port + 200, _nodes).Select(p => $"127.0.0.1:{p}")),
        ["security.protocol"] = "SASL_SSL",
        ["sasl.mechanism"] = mechanism,
        ["sasl.username"] = "tester",
        ["sasl.password"] = "tester-secret",
        ["ssl.ca.location"] = Path.Combine(_folder, "tls", "ca.crt"),
    };

    /// <summary>Runs the script, or one of Kafka's own tools through it, and gives back what it prints.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it printed.</exception>
    public string Command(params string[] arguments) => Command(null, arguments);

    public string Command(string? input, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(s_script ?? throw new InvalidOperationException(HowToGetOne), [arguments[0], "--dir", _folder, .. arguments.Skip(1)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        })!;

        // The nodes that it starts keep its pipes: wait for the script, not for their ends.
        var output = new StringBuilder();
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(output, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (input is not null) process.StandardInput.Write(input);
        process.StandardInput.Close();
        while (!process.HasExited) process.WaitForExit(50);
        string text;
        lock (output) text = output.ToString();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{s_script} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{text}");
    }

    /// <summary>Starts the first node anew; it tells clients from then on to come to another port.</summary>
    public void Readvertise(int port)
    {
        var file = Path.Combine(_folder, "1", "server.properties");
        Command("stop");
        const string Setting = "advertised.listeners=PLAINTEXT://127.0.0.1:";
        File.WriteAllText(file, File.ReadAllText(file).Replace($"{Setting}{_advertised},", $"{Setting}{port},", StringComparison.Ordinal));
        Command("restart");
        _advertised = port;
    }

    /// <summary>Starts the first node anew, with a certificate of the same authority that is valid until then; needs <c>secure</c>.</summary>
    public void Certify(DateTimeOffset until)
    {
        var folder = Path.Combine(_folder, "tls");
        using var authority = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "ca.crt"), Path.Combine(folder, "ca.key"));
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var signature = X509SignatureGenerator.CreateForRSA(authority.GetRSAPrivateKey()!, RSASignaturePadding.Pkcs1);
        using var certificate = request.Create(authority.SubjectName, signature, until.AddDays(-30), until, RandomNumberGenerator.GetBytes(16));
        string[] parts = [key.ExportPkcs8PrivateKeyPem(), certificate.ExportCertificatePem(), authority.ExportCertificatePem()];
        Command("stop");
        File.WriteAllText(Path.Combine(folder, "server.pem"), string.Join('\n', parts) + '\n');
        Command("restart");
    }

    public void Dispose()
    {
        Command("delete");
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    internal static void EndShared()
    {
        if (s_shared.IsValueCreated) s_shared.Value.Dispose();
    }

    /// <summary>Why there is no real Kafka for a test, or null.</summary>
    internal static string? WhyNone() => s_script is null ? HowToGetOne : null;

    private static void Append(StringBuilder output, string? line)
    {
        if (line is null) return;
        lock (output) output.AppendLine(line);
    }
}

/// <summary>A test that needs a real Kafka; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealKafkaFactAttribute : FactAttribute
{
    public override string? Skip { get; set; } = RealKafka.WhyNone();
}

/// <summary>As <see cref="RealKafkaFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealKafkaTheoryAttribute : TheoryAttribute
{
    public override string? Skip { get; set; } = RealKafka.WhyNone();
}

/// <summary>One node for all tests of a class, which may stop it.</summary>
public sealed class OwnKafka : IDisposable
{
    internal RealKafka Kafka { get; } = RealKafka.WhyNone() is null ? RealKafka.Start() : null!; // where there is none all are skipped

    public void Dispose() => Kafka?.Dispose();
}
