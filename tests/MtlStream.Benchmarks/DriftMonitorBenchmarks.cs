using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Benchmarks;

/// <summary>
/// Cost of watching one event: a text of 24 words, two token-level tasks, and text-level ones with 230 labels in all. Budget: 3 us,
/// which is 1.5 % of a core at 5,000 events/s, and 0 B. Baseline: the same, with nobody reading the metrics.
/// </summary>
[MemoryDiagnoser]
public class DriftMonitorBenchmarks : IDisposable
{
    private const int Words = 24;

    private readonly IReadOnlyList<ModelTask> _tasks =
    [
        new("sentiment", TaskKind.SingleLabel, ["negative", "neutral", "positive"], []),
        new("intent", TaskKind.SingleLabel, [.. Enumerable.Range(0, 151).Select(i => $"intent{i}")], [0.3f]),
        new("topic", TaskKind.SingleLabel, [.. Enumerable.Range(0, 48).Select(i => $"topic{i}")], []),
        new("emotion", TaskKind.MultiLabel, [.. Enumerable.Range(0, 28).Select(i => $"emotion{i}")], [.. Enumerable.Repeat(0.5f, 28)]),
        new("entities", TaskKind.TokenSpans, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], []),
        new("pos", TaskKind.TokenTags, ["NOUN", "PROPN", "VERB", "ADP"], []),
    ];

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MeterListener _listener = new();
    private readonly SourceRecord _source = new(new("input", 0, 0, 1, 0), null, [], [], 0, 0);
    private DriftMonitor _watch = null!, _unread = null!;
    private TokenizedEvent _scored = null!;
    private Predictions _predictions = null!;
    private OutboundRecord _result = null!;

    [GlobalSetup]
    public void Setup()
    {
        var meters = _services.GetRequiredService<IMeterFactory>();
        _watch = new(meters, new(), _tasks, unknownId: 0, reference: null);
        _listener.InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument);
        _listener.SetMeasurementEventCallback<double>((_, _, _, _) => { });
        _listener.SetMeasurementEventCallback<long>((_, _, _, _) => { });
        _listener.SetMeasurementEventCallback<int>((_, _, _, _) => { });
        _listener.Start();
        _listener.InstrumentPublished = null;
        _unread = new(new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>(), new(), _tasks, 0, null);

        var (tokens, words, windows) = (new PooledArray<Token>(Words), new PooledArray<Word>(Words), new PooledArray<TokenWindow>(1));
        for (var i = 0; i < Words; i++) (tokens.Span[i], words.Span[i]) = (new(i + 1, 6 * i, (6 * i) + 5, 0, true), new(6 * i, (6 * i) + 5, i));
        windows.Span[0] = new(0, Words);
        _scored = new(new(_source, new(0), default), new(tokens, words, windows, 101, 102, truncated: false));
        _predictions = Predictions.Rent(_tasks, 1, Words + 2);
        for (var task = 0; task < _tasks.Count; task++)
        {
            if (_tasks[task].IsTokenLevel)
            {
                _predictions.TagScores(task, 0).Fill(0.9876f);
                _predictions.Tags(task, 0).Fill(1);
                continue;
            }

            var scores = _predictions.Probabilities(task, 0);
            scores.Fill(0.2f / scores.Length);
            scores[1] = 0.8f;
        }

        _result = new(Destination.Results, [], [], _source);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _listener.Dispose();
        _services.Dispose();
        _scored.Dispose();
        _predictions.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public OutboundRecord Observe() => _watch.Observe(_scored, _predictions, 0, _result);

    [Benchmark(Baseline = true)]
    public OutboundRecord ObserveUnread() => _unread.Observe(_scored, _predictions, 0, _result);
}
