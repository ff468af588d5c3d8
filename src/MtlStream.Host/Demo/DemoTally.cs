using System.Text.Json;
using MtlStream.Bench;
using MtlStream.Host.Pictures;

namespace MtlStream.Host.Demo;

/// <summary>The figures of a demo, in the names of its JSON report.</summary>
/// <param name="P50Ms">Of the events after the warm-up; of all where there are none.</param>
internal sealed record DemoReport(long Produced, long Enriched, long DeadLettered, double EventsPerSecond, double P50Ms, double P99Ms);

/// <summary>Keeps account of every event produced, and of what came back. Thread-safe.</summary>
internal sealed class DemoTally(TimeProvider time)
{
    private const int KeptEvents = 30; // a high terminal shows that many

    /// <summary>Labels of whole texts below this probability are not shown: the demo tells what the model is sure of.</summary>
    public const double ShownFrom = 0.5;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _away = []; // key -> when it was produced
    private readonly Queue<AnnotatedText> _latest = new();
    private readonly SortedDictionary<string, Dictionary<string, int>> _labels = [];
    private readonly LatencyHistogram _latency = new();
    private readonly LatencyHistogram _warmUp = new();
    private long? _warmedUp; // when the first event came back
    private long _first;
    private long _last;
    private long _produced;
    private long _enriched;
    private long _deadLettered;

    /// <summary>Events produced that have not come back.</summary>
    public int Away
    {
        get { lock (_gate) return _away.Count; }
    }

    /// <summary>Events that came back.</summary>
    public long Returned
    {
        get { lock (_gate) return _enriched + _deadLettered; }
    }

    /// <summary>Labels given so far: task, label, count.</summary>
    public IReadOnlyList<(string Task, string Label, int Count)> Labels
    {
        get { lock (_gate) return [.. _labels.SelectMany(t => t.Value, (t, l) => (t.Key, l.Key, l.Value))]; }
    }

    public IReadOnlyList<AnnotatedText> Latest
    {
        get { lock (_gate) return [.. _latest]; }
    }

    /// <summary>From the first event until it came back: the group forms, the model's first run. Null before.</summary>
    public TimeSpan? WarmUp
    {
        get { lock (_gate) return _warmedUp is { } at ? time.GetElapsedTime(_first, at) : null; }
    }

    public void Produced(string key)
    {
        lock (_gate)
        {
            _away[key] = time.GetTimestamp();
            if (_produced++ == 0) _first = _last = time.GetTimestamp();
        }
    }

    /// <summary>An event that the broker did not take after all.</summary>
    public void NotProduced(string key)
    {
        lock (_gate)
        {
            if (_away.Remove(key)) _produced--;
        }
    }

    /// <returns>False when it had come back before, or was never produced.</returns>
    public bool CameBack(string key, ReadOnlySpan<byte> payload, bool deadLetter)
    {
        var shown = deadLetter ? null : Read(payload);
        lock (_gate)
        {
            if (!_away.Remove(key, out var produced)) return false;
            _last = time.GetTimestamp();
            _warmedUp ??= _last;
            var latency = produced < _warmedUp ? _warmUp : _latency; // what was on its way by then had to wait for all that
            latency.Record(time.GetElapsedTime(produced, _last).TotalMilliseconds);
            if (deadLetter) _deadLettered++;
            else _enriched++;
            if (shown is not null) Show(shown);
            return true;
        }
    }

    public DemoReport Report()
    {
        lock (_gate)
        {
            var seconds = time.GetElapsedTime(_first, _last).TotalSeconds;
            var latency = _latency.Count > 0 ? _latency : _warmUp;
            return new(
                _produced, _enriched, _deadLettered, seconds > 0 ? Math.Round((_enriched + _deadLettered) / seconds, 1) : 0,
                latency.Percentile(0.5), latency.Percentile(0.99));
        }
    }

    private void Show(AnnotatedText shown)
    {
        _latest.Enqueue(shown);
        if (_latest.Count > KeptEvents) _latest.Dequeue();
        foreach (var range in shown.Tags.Concat(shown.Spans)) CountLabel(range.Task, range.Label);
        foreach (var label in shown.Labels) CountLabel(label.Task, label.Label ?? "(out of scope)");
    }

    private void CountLabel(string task, string label)
    {
        if (!_labels.TryGetValue(task, out var counts)) _labels[task] = counts = [];
        counts[label] = counts.GetValueOrDefault(label) + 1;
    }

    /// <summary>Reads an enriched event the way any consumer would, from its JSON alone.</summary>
    private static AnnotatedText Read(ReadOnlySpan<byte> payload)
    {
        var reader = new Utf8JsonReader(payload);
        using var document = JsonDocument.ParseValue(ref reader);
        var read = AnnotatedText.Of(document.RootElement.GetProperty("text").GetString()!, document.RootElement.GetProperty("analysis"));
        return read with { Labels = [.. read.Labels.Where(l => l.Score is null or >= ShownFrom || l.Label is null)] };
    }
}
