using System.Text;
using MtlStream.Host.Demo;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;
using MtlStream.Models;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>A worker with the page and the shipped model, on a real Kafka where there is one, and events for it.</summary>
public sealed class PageWorker : IDisposable
{
    public const string Hostile = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script> Berlin";

    private const int Partitions = 3;

    private readonly string _input = Topics.Unique("page"), _output = Topics.Unique("page-enriched"), _letters = Topics.Unique("page-rejected");
    private readonly MockCluster? _mock;
    private readonly WorkerProcess? _worker;
    private readonly string _bootstrap = "";

    public PageWorker()
    {
        if (Browser.WhyNone() is not null) return;
        _mock = RealKafka.WhyNone() is null ? null : new();
        _bootstrap = _mock?.BootstrapServers ?? RealKafka.Shared.BootstrapServers;
        CreateTopics([_input, _output, _letters]);
        _worker = WorkerProcess.Start(Settings, model: ModelManifest.Locate(""));
    }

    /// <summary>Where the page is, once the worker takes events.</summary>
    internal async Task<Uri> ReadyAsync()
    {
        await Wait.Until(() => _worker!.IsReady(), TimeSpan.FromMinutes(3), () => _worker!.Log);
        return _worker!.Address!;
    }

    /// <summary>Writes sample events, a few of them bad, and every tenth of them <see cref="Hostile"/>.</summary>
    internal void Produce(int events)
    {
        var samples = new SampleEvents();
        Produce(events, number => number % 10 == 5 ? HostilePayload() : samples.Payload(number));
    }

    /// <summary>Writes events whose texts and keys try to be HTML.</summary>
    internal void ProduceHostile(int events) => Produce(events, _ => HostilePayload());

    private static byte[] HostilePayload() => System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new { text = Hostile });

    private void Produce(int events, Func<int, byte[]> payload)
    {
        using var writer = new EventWriter(new(new() { BootstrapServers = _bootstrap, GroupId = "page", InputTopics = [_input], OutputTopic = _output, DeadLetterTopic = _letters }, new()), lingerMs: 1);
        for (var number = 0; number < events; number++)
            writer.TryWrite(_input, Encoding.UTF8.GetBytes("<b>" + number), payload(number), () => { });

        writer.Flush(CancellationToken.None);
    }

    private void CreateTopics(string[] names)
    {
        if (_mock is null)
        {
            using var topics = new Topics(_bootstrap);
            topics.Create(names, Partitions);
            return;
        }

        foreach (var name in names) _mock.CreateTopic(name, Partitions);
    }

    public void Dispose()
    {
        _worker?.Dispose();
        _mock?.Dispose();
    }

    private IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        new("Kafka:BootstrapServers", _bootstrap), new("Kafka:GroupId", "page"), new("Kafka:InputTopics:0", _input), new("Kafka:OutputTopic", _output),
        new("Kafka:DeadLetterTopic", _letters), new("Http:Page", "true"), new("Http:ShowTexts", "true"), new("Model:Device", "cpu"),
    ];
}
