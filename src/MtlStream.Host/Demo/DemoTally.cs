using System.Text.Json;
using MtlStream.Bench;

namespace MtlStream.Host.Demo;

/// <summary>A stretch of a shown text with a label.</summary>
internal sealed record ShownSpan(int Start, int End, string Label);

/// <summary>One enriched event as it is shown.</summary>
/// <param name="Labels">Task and what it said, text-level tasks only.</param>
internal sealed record ShownEvent(string Text, IReadOnlyList<ShownSpan> Spans, IReadOnlyList<(string Task, string Label)> Labels);

/// <summary>The figures of a demo, in the names of its JSON report.</summary>
internal sealed record DemoReport(long Produced, long Enriched, long DeadLettered, double EventsPerSecond, double P50Ms, double P99Ms);

/// <summary>Keeps account of every event produced, and of what came back. Thread-safe.</summary>
internal sealed class DemoTally(TimeProvider time)
{
    private const int ShownEvents = 6;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _away = []; // key -> when it was produced
    private readonly Queue<ShownEvent> _latest = new();
    private readonly SortedDictionary<string, Dictionary<string, int>> _labels = [];
    private readonly LatencyHistogram _latency = new();
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

    public IReadOnlyList<ShownEvent> Latest
    {
        get { lock (_gate) return [.. _latest]; }
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
        (ShownEvent Event, List<(string Task, string Label)> Labels)? shown = deadLetter ? null : Read(payload);
        lock (_gate)
        {
            if (!_away.Remove(key, out var produced)) return false;
            _last = time.GetTimestamp();
            _latency.Record(time.GetElapsedTime(produced, _last).TotalMilliseconds);
            if (deadLetter) _deadLettered++;
            else _enriched++;
            if (shown is not null) Show(shown.Value.Event, shown.Value.Labels);
            return true;
        }
    }

    public DemoReport Report()
    {
        lock (_gate)
        {
            var seconds = time.GetElapsedTime(_first, _last).TotalSeconds;
            return new(
                _produced, _enriched, _deadLettered, seconds > 0 ? Math.Round((_enriched + _deadLettered) / seconds, 1) : 0,
                _latency.Percentile(0.5), _latency.Percentile(0.99));
        }
    }

    private void Show(ShownEvent shown, List<(string Task, string Label)> labels)
    {
        _latest.Enqueue(shown);
        if (_latest.Count > ShownEvents) _latest.Dequeue();
        foreach (var (task, label) in labels)
        {
            if (!_labels.TryGetValue(task, out var counts)) _labels[task] = counts = [];
            counts[label] = counts.GetValueOrDefault(label) + 1;
        }
    }

    /// <summary>Reads an enriched event the way any consumer would, from its JSON alone.</summary>
    private static (ShownEvent Event, List<(string Task, string Label)> Labels) Read(ReadOnlySpan<byte> payload)
    {
        var reader = new Utf8JsonReader(payload);
        using var document = JsonDocument.ParseValue(ref reader);
        var (spans, texts, all) = (new List<ShownSpan>(), new List<(string, string)>(), new List<(string, string)>());
        foreach (var task in document.RootElement.GetProperty("analysis").GetProperty("tasks").EnumerateObject())
        {
            if (task.Value.TryGetProperty("spans", out var found))
            {
                foreach (var span in found.EnumerateArray())
                {
                    var label = span.GetProperty("label").GetString()!;
                    spans.Add(new(span.GetProperty("start").GetInt32(), span.GetProperty("end").GetInt32(), label));
                    all.Add((task.Name, label));
                }
            }
            else if (task.Value.TryGetProperty("tags", out var tags))
            {
                all.AddRange(tags.EnumerateArray().Select(t => (task.Name, t.GetProperty("label").GetString()!)));
            }
            else
            {
                var labels = task.Value.TryGetProperty("labels", out var several)
                    ? [.. several.EnumerateArray().Select(l => l.GetProperty("label").GetString()!)]
                    : new List<string?> { task.Value.GetProperty("label").GetString() };
                texts.AddRange(labels.OfType<string>().Select(l => (task.Name, l)));
                all.AddRange(labels.Select(l => (task.Name, l ?? "(out of scope)")));
            }
        }

        return (new(document.RootElement.GetProperty("text").GetString()!, spans, texts), all);
    }
}
