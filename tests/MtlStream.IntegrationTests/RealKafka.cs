using System.Diagnostics;
using System.Globalization;
using System.Net.NetworkInformation;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests;

/// <summary>A test that needs a real Kafka; skipped where there is none.</summary>
/// <param name="scriptOnly">The test kills nodes, wants three of them, or comes by SASL_SSL: a container will not do.</param>
public sealed class RealKafkaFactAttribute(bool scriptOnly = false) : FactAttribute
{
    public override string? Skip { get; set; } = RealKafka.WhyNone(scriptOnly);
}

/// <summary>As <see cref="RealKafkaFactAttribute"/>, with data.</summary>
public sealed class RealKafkaTheoryAttribute(bool scriptOnly = false) : TheoryAttribute
{
    public override string? Skip { get; set; } = RealKafka.WhyNone(scriptOnly);
}

/// <summary>A real Kafka of its own, on free ports and in a folder of its own; removed when it is disposed.</summary>
public sealed class RealKafka : IAsyncDisposable
{
    private const string Docker = "docker";
    private const string HowToGetOne = "Set MTLSTREAM_TEST_KAFKA to the script that drives a real Kafka, or to docker.";

    /// <summary>The script (<c>start, stop, kill, restart, freeze, thaw, topics, run</c>, each with <c>--dir DIR</c>), or "docker".</summary>
    private static readonly string? s_script = Environment.GetEnvironmentVariable("MTLSTREAM_TEST_KAFKA") is { Length: > 0 } script ? script : null;

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"mtlstream-kafka-{Guid.NewGuid():N}");

    private IAsyncDisposable? _container;

    private RealKafka()
    {
    }

    /// <summary>Plaintext servers, one for each node.</summary>
    public string BootstrapServers { get; private set; } = "";

    /// <summary>librdkafka settings of a client that comes by SASL_SSL. Empty without <c>secure</c>.</summary>
    public IReadOnlyDictionary<string, string> Security { get; private set; } = new Dictionary<string, string>();

    /// <summary>Starts <paramref name="nodes"/> nodes (1 or 3) and returns when they are ready.</summary>
    public static async Task<RealKafka> StartAsync(int nodes = 1, bool secure = false, string mechanism = "SCRAM-SHA-512")
    {
        var kafka = new RealKafka();
        if (s_script == Docker)
        {
            if (nodes != 1 || secure) throw new NotSupportedException("A container is one plain node; mark the test scriptOnly.");
            (kafka._container, kafka.BootstrapServers) = await StartContainerAsync();
            return kafka;
        }

        var port = FreePorts(nodes);
        string[] options = ["--nodes", Text(nodes), "--port", Text(port), .. secure ? ["--secure"] : Array.Empty<string>()];
        try
        {
            var printed = await kafka.RunAsync("start", options);
            kafka.BootstrapServers = printed.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        }
        catch
        {
            await kafka.DisposeAsync();
            throw;
        }

        if (secure)
        {
            kafka.Security = new Dictionary<string, string>
            {
                ["bootstrap.servers"] = string.Join(',', Enumerable.Range(port + 200, nodes).Select(p => $"127.0.0.1:{p}")),
                ["security.protocol"] = "SASL_SSL",
                ["sasl.mechanism"] = mechanism,
                ["sasl.username"] = "tester",
                ["sasl.password"] = "tester-secret",
                ["ssl.ca.location"] = Path.Combine(kafka._folder, "tls", "ca.crt"),
            };
        }

        return kafka;
    }

    public async Task CreateTopicAsync(string topic, int partitions)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).Build();
        await admin.CreateTopicsAsync([new() { Name = topic, NumPartitions = partitions }]);
    }

    /// <summary>One command of the script; what it printed on stdout.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it printed.</exception>
    public async Task<string> RunAsync(string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(s_script ?? throw new InvalidOperationException(HowToGetOne), [command, "--dir", _folder, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var error = process.StandardError.ReadToEndAsync(deadline.Token);
        await process.WaitForExitAsync(deadline.Token);
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{s_script} {command} ended with {process.ExitCode}: {await output}{await error}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_container is not null)
        {
            await _container.DisposeAsync();
            return;
        }

        await RunAsync("delete");
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Why there is no real Kafka for a test, or null.</summary>
    internal static string? WhyNone(bool scriptOnly) => s_script switch
    {
        null => HowToGetOne,
        Docker when scriptOnly => "Needs the script that drives a real Kafka; a container will not do.",
#if !TESTCONTAINERS
        Docker => "Testcontainers.Kafka did not restore.",
#endif
        _ => null,
    };

#if TESTCONTAINERS
    private static async Task<(IAsyncDisposable Container, string BootstrapServers)> StartContainerAsync()
    {
        var container = await ContainerBroker.StartAsync();
        return (container, container.BootstrapServers);
    }
#else
    private static Task<(IAsyncDisposable Container, string BootstrapServers)> StartContainerAsync() =>
        throw new NotSupportedException("Testcontainers.Kafka did not restore.");
#endif

    /// <summary>A port P such that node N can listen on P+N-1, and on that plus 100, 200 and 300.</summary>
    private static int FreePorts(int nodes)
    {
        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(listener => listener.Port).ToHashSet();
        while (true)
        {
            var port = Random.Shared.Next(20_000, 30_000);      // below the ephemeral ports, which clients take
            var needed = Enumerable.Range(0, 4).SelectMany(role => Enumerable.Range(port + (100 * role), nodes));
            if (!needed.Any(taken.Contains)) return port;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
