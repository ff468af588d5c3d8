using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Tests.Doubles;

/// <summary>Makes the pieces that tests pass around.</summary>
internal static class Make
{
    public static SourceRecord Record(
        long sequence, string? payload = "{}", int partition = 0, int assignment = 1, IReadOnlyList<EventHeader>? headers = null) =>
        new(new("input", partition, sequence, assignment, sequence), null, payload is null ? null : Encoding.UTF8.GetBytes(payload),
            headers ?? [], 1_700_000_000_000 + sequence, 0);

    /// <summary>A WordPiece tokenizer with a vocabulary of a few words and all lower-case letters.</summary>
    public static TextTokenizer Tokenizer(int maxTokens, int overlap)
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-");
        var vocabulary = Path.Combine(folder.FullName, "vocab.txt");
        string[] letters = [.. Enumerable.Range('a', 26).Select(c => ((char)c).ToString())];
        File.WriteAllLines(vocabulary, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "morning", .. letters, .. letters.Select(l => "##" + l)]);
        try
        {
            return TextTokenizer.Load(
                new("wordpiece", new Dictionary<string, string> { ["vocab"] = vocabulary }, Lowercase: true, StripAccents: true, CaseIds: true,
                    SplitWords: false, maxTokens, overlap),
                new());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A pipeline that cuts texts into windows of 14 tokens, [CLS] and [SEP] left out.</summary>
    public static AnalyticsPipeline Pipeline(
        IEventSource source, IOutboundSink sink, IMultitaskModel? model = null, DeliveryOptions? delivery = null, BatchingOptions? batching = null,
        IMeterFactory? meters = null, TimeProvider? time = null, ILogger<AnalyticsPipeline>? log = null, PipelineMetrics? metrics = null,
        PayloadCodec[]? codecs = null, DriftMonitor? watch = null, TextGenerators? generators = null)
    {
        model ??= new TableModel();
        return new(
            source, new EventDecoder(new(), codecs ?? []), Tokenizer(maxTokens: 16, overlap: 4), model, new EventEncoder(new(), model.Identity, generators?.Names),
            sink, new(new() { DecodeWorkers = 3, EncodeWorkers = 2 }, batching ?? new(), delivery ?? new()),
            metrics ?? new(meters ?? new MeterFactory()), time ?? TimeProvider.System, log ?? NullLogger<AnalyticsPipeline>.Instance, watch, generators: generators);
    }

    public static OutboundRecord Outbound(SourceRecord source) => new(Destination.Results, [], [], source);

    /// <summary>A text of one window that has <paramref name="length"/> tokens, [CLS] and [SEP] included.</summary>
    public static TokenSequence Sequence(int length) => new(TokenizedText.Of(new Token[length - 2], 101, 102), 0);
}

/// <summary>Hands over payloads as partition 0 (or several), keeps what is acknowledged.</summary>
internal sealed class InMemorySource(IEnumerable<string?> payloads, bool endless = false, int partitions = 1) : IEventSource
{
    private readonly long[] _sequences = new long[partitions];

    public ConcurrentQueue<SourcePosition> Acknowledged { get; } = [];
    public int Received { get; private set; }
    public bool Completed { get; private set; }

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        try
        {
            foreach (var chunk in payloads.Select((p, i) => (p, i)).Chunk(37))
            {
                await received.WriteAsync([.. chunk.Select(c => Record(c.i % partitions, c.p))], stopping);
                Received += chunk.Length;
            }

            if (endless) await Task.Delay(Timeout.Infinite, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    public void Acknowledge(SourcePosition position) => Acknowledged.Enqueue(position);

    /// <summary>What it leaves with an event, by its sequence.</summary>
    public Func<long, object?> Correlation { get; init; } = _ => null;

    /// <summary>Stands for the last commit.</summary>
    public Func<CancellationToken, Task> Completing { get; init; } = _ => Task.CompletedTask;

    public async ValueTask CompleteAsync(CancellationToken abort)
    {
        await Completing(abort);
        Completed = true;
    }

    private SourceRecord Record(int partition, string? payload)
    {
        var sequence = _sequences[partition]++;
        return Make.Record(sequence, payload, partition) with { Correlation = Correlation(sequence) };
    }
}

/// <summary>Keeps what is published, in the order in which it came.</summary>
internal sealed class RecordingSink : IOutboundSink
{
    public ConcurrentQueue<OutboundRecord> Published { get; } = [];
    public Func<OutboundRecord, Task>? BeforePublish { get; init; }
    public Func<OutboundRecord, PublishRefusal?>? Refuse { get; init; }
    public Func<OutboundRecord, bool> Drop { get; init; } = _ => false;

    /// <summary>As a broker that answers late: reports come when they are waited for.</summary>
    public bool ReportsWhenFlushed { get; init; }

    private readonly ConcurrentQueue<Action> _unreported = [];

    /// <summary>Completes when the first record arrives.</summary>
    public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        Reached.TrySetResult();
        if (BeforePublish is { } before) await before(record).WaitAsync(abort);
        if (Drop(record))
        {
            reported(record, PublishOutcome.Dropped);
            return;
        }

        var refusal = Refuse?.Invoke(record);
        if (refusal is null) Published.Enqueue(record);
        if (ReportsWhenFlushed) _unreported.Enqueue(Report);
        else Report();

        void Report() => reported(record, refusal is null ? PublishOutcome.Durable : PublishOutcome.Refused, refusal);
    }

    public Task FlushAsync(CancellationToken abort)
    {
        while (_unreported.TryDequeue(out var report)) report();
        return Task.CompletedTask;
    }

    public IEnumerable<OutboundRecord> To(Destination destination) => Published.Where(r => r.Destination == destination);
}

/// <summary>A model without a graph: one text-level task whose label tells the first token's id parity, one tag task.</summary>
internal sealed class TableModel : IMultitaskModel
{
    public ConcurrentQueue<(int Sequences, int PaddedLength, BatchTrigger Trigger)> Batches { get; } = [];
    public Func<TokenBatch, InferenceException?>? Refuse { get; init; }
    public bool OneByOne { get; init; }
    public Action? OnProbe { get; init; }
    public int Probes { get; private set; }
    public ModelIdentity Identity { get; } = new("table", "1.0.0", "cpu");
    public BatchShape Shape { get; init; } = new(32, 4096, []);
    public int Workers { get; init; } = 2;

    public IReadOnlyList<ModelTask> Tasks { get; init; } =
    [
        new TokenTagsTask("pos", ["NOUN", "VERB"]),
        new SingleLabelTask("sentiment", ["negative", "positive"]),
    ];

    public Predictions Predict(TokenBatch batch, int worker)
    {
        if (OneByOne && batch.Sequences.Count > 1) throw new MixedBatchException("Only one at a time.");
        if (Refuse?.Invoke(batch) is { } refusal) throw refusal;
        Batches.Enqueue((batch.Sequences.Count, batch.PaddedLength, batch.Trigger));
        var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
        for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
        {
            predictions.Tags(0, sequence).Fill(1);
            predictions.TagScores(0, sequence).Fill(0.5f);
            (predictions.Probabilities(1, sequence)[0], predictions.Probabilities(1, sequence)[1]) = (0.25f, 0.75f);
        }

        return predictions;
    }

    public void Probe(int worker)
    {
        Probes++;
        OnProbe?.Invoke();
    }

    public void Dispose()
    {
    }
}

internal sealed class MeterFactory : IMeterFactory
{
#pragma warning disable RS0030 // a factory has to make meters somehow
    public Meter Create(MeterOptions options) => new(options);
#pragma warning restore RS0030
    public void Dispose()
    {
    }
}
