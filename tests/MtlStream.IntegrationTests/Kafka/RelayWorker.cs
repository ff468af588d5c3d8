using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Results;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>
/// A worker without model: Kafka source to Kafka sink, payloads passed on. Acknowledges as the pipeline does, so that the adapter can be
/// tested by itself.
/// </summary>
internal sealed class RelayWorker : IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddLogging().BuildServiceProvider();
    private readonly KafkaConnection _kafka;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly Func<SourceRecord, OutboundRecord> _answer;
    private readonly Channel<(OutboundRecord, PublishRefusal)> _refused = Channel.CreateBounded<(OutboundRecord, PublishRefusal)>(100_000);
    private readonly Counted _pauses;
    private readonly Counted _rewinds;
    private readonly Counted _failedSends;
    private readonly Observed _lag;
    private long _acknowledged;
    private long _refusals;

    public RelayWorker(KafkaOptions kafka, DeliveryOptions delivery, Func<SourceRecord, OutboundRecord>? answer = null, TimeProvider? time = null)
    {
        _answer = answer ?? PassOn;
        var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(new TestLog()));
        var meters = _services.GetRequiredService<IMeterFactory>();
        _pauses = new(meters, "mtlstream.kafka.pauses");
        _rewinds = new(meters, "mtlstream.kafka.rewinds");
        _failedSends = new(meters, "messaging.client.sent.messages", tag: "error.type");
        _lag = new(meters, "mtlstream.consumer.lag");
        _kafka = new(new(kafka, delivery), Status, new(meters), time ?? TimeProvider.System, loggers);
    }

    public KafkaStatus Status { get; } = new();

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long Refusals => Interlocked.Read(ref _refusals);

    public long InFlight => _kafka.Source.InFlightEvents;

    public long InFlightBytes => _kafka.Source.InFlightBytes;

    public bool Paused => _kafka.Source.Paused;

    /// <summary>How often it was paused.</summary>
    public long Pauses => (long)_pauses.Sum;

    /// <summary>How often a partition was read again, as after each transaction that was aborted.</summary>
    public long Rewinds => (long)_rewinds.Sum;

    public long FailedSends => (long)_failedSends.Sum;

    /// <summary>By partition, as last reported; empty before.</summary>
    public IReadOnlyList<long> Lag => _lag.Read();

    /// <summary>Transactions committed.</summary>
    public long Commits => _kafka.Sink.Commits;

    /// <summary>Blocks every event while it is set: a model that hangs.</summary>
    public TaskCompletionSource? Hold { get; set; }

    /// <summary>Run when everything is flushed, before the source is told to leave.</summary>
    public Func<KafkaConnection, Task> Flushed { get; set; } = _ => Task.CompletedTask;

    public Task Run { get; private set; } = Task.CompletedTask;

    public static OutboundRecord PassOn(SourceRecord source) => new(Destination.Results, source.Payload, source.Headers, source);

    public RelayWorker Start()
    {
        Run = Task.Run(RunAsync);
        return this;
    }

    /// <summary>As SIGTERM does: drains, commits, leaves.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Run.WaitAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>Gives everything in flight up, as after the drain timeout.</summary>
    public async ValueTask DisposeAsync()
    {
        await _abort.CancelAsync();
        await _stopping.CancelAsync();
        await _kafka.DisposeAsync();
        await Run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _pauses.Dispose();
        _rewinds.Dispose();
        _failedSends.Dispose();
        _lag.Dispose();
        await _services.DisposeAsync();
    }

    private async Task RunAsync()
    {
        var channel = Channel.CreateBounded<IReadOnlyList<SourceRecord>>(8);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var receive = ReceiveAsync(channel, failed.Token);
        var publish = PublishAsync(channel, failed);
        var refuse = RefuseAsync();
        await Task.WhenAll(receive, publish, refuse);
        await Flushed(_kafka);
        await _kafka.Source.CompleteAsync(_abort.Token);
    }

    private async Task ReceiveAsync(Channel<IReadOnlyList<SourceRecord>> channel, CancellationToken stopping)
    {
        try
        {
            await _kafka.Source.ReceiveAsync(channel, stopping);
        }
        finally
        {
            channel.Writer.TryComplete();
        }
    }

    private async Task PublishAsync(Channel<IReadOnlyList<SourceRecord>> channel, CancellationTokenSource failed)
    {
        try
        {
            await foreach (var chunk in channel.Reader.ReadAllAsync(_abort.Token))
            {
                foreach (var record in chunk)
                {
                    if (Hold is { } hold) await hold.Task.WaitAsync(_abort.Token);
                    var answer = _answer(record);
                    await _kafka.Sink.PublishAsync(answer, Reported, _abort.Token);
                    if (answer.Review is { } copy) await _kafka.Sink.PublishAsync(copy, (_, _, _) => { }, _abort.Token);
                }
            }

            await _kafka.Sink.FlushAsync(_abort.Token);
        }
        catch (IOException)
        {
            await _abort.CancelAsync();
            await failed.CancelAsync();
            throw;
        }
        finally
        {
            _refused.Writer.TryComplete();
        }
    }

    private async Task RefuseAsync()
    {
        await foreach (var (record, refusal) in _refused.Reader.ReadAllAsync(_abort.Token))
        {
            Interlocked.Increment(ref _refusals);
            var letter = EventEncoder.EncodeUnpublished(record, refusal.Reason, refusal.Message)!;
            await _kafka.Sink.PublishAsync(letter, Reported, _abort.Token);
        }

        await _kafka.Sink.FlushAsync(_abort.Token);
    }

    private void Reported(OutboundRecord record, PublishOutcome outcome, PublishRefusal? refusal)
    {
        if (refusal is null)
        {
            _kafka.Source.Acknowledge(record.Source.Position);
            Interlocked.Increment(ref _acknowledged);
        }
        else
        {
            Assert.True(_refused.Writer.TryWrite((record, refusal)));
        }
    }
}
