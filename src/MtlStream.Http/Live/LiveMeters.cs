using System.Diagnostics.Metrics;

namespace MtlStream.Http.Live;

/// <summary>What was measured since the last look. Latency in milliseconds; null where nothing was.</summary>
/// <param name="Rows">Mean of a batch, as tokens and padding are.</param>
internal sealed record Measured(
    long Published, long Rejected, double? P50, double? P99, long Batches, double? Rows, double? Tokens, double? Padding,
    IReadOnlyDictionary<string, double> Confidence);

/// <summary>Reads the worker's own metrics as they are taken. Thread-safe.</summary>
internal sealed class LiveMeters : IDisposable
{
    private const int MostLatencies = 4096; // of one second; more would change no percentile that can be seen

    private readonly MeterListener _listener;
    private readonly Lock _gate = new();
    private readonly List<double> _latencies = [];
    private readonly Dictionary<string, (double Sum, long Count)> _confidence = [];
    private readonly Dictionary<string, long> _rejected = [];
    private readonly Dictionary<(string Task, string Label), long> _labels = [];
    private readonly Dictionary<(string Task, string Of), double> _drifts = [];
    private (double Sum, long Count) _rows, _tokens, _padding;
    private long _published, _publishedBefore, _rejectedBefore;

    /// <param name="meters">Whose meters are listened to.</param>
    public LiveMeters(IMeterFactory meters)
    {
        _listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters) && IsRead(instrument.Name)) listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument.Name, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument.Name, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument.Name, value, tags));
        _listener.Start();
    }

    /// <summary>Events published since the start.</summary>
    public long Published
    {
        get
        {
            lock (_gate) return _published;
        }
    }

    /// <summary>Events rejected since the start, by reason; reasons that did not come are left out.</summary>
    public IReadOnlyDictionary<string, long> Rejected
    {
        get
        {
            lock (_gate) return _rejected.Where(r => r.Value > 0).ToDictionary();
        }
    }

    /// <summary>Labels given since the start, by task and label.</summary>
    public IReadOnlyDictionary<(string Task, string Label), long> Labels
    {
        get
        {
            lock (_gate) return _labels.ToDictionary();
        }
    }

    /// <summary>Population stability indexes, by task and by what is compared: <c>labels</c> or <c>confidence</c>.</summary>
    public IReadOnlyDictionary<(string Task, string Of), double> Drifts
    {
        get
        {
            lock (_gate) return _drifts.ToDictionary();
        }
    }

    /// <summary>What was measured since the last call.</summary>
    public Measured Look()
    {
        _listener.RecordObservableInstruments();
        lock (_gate)
        {
            _latencies.Sort();
            var rejected = _rejected.Values.Sum();
            var measured = new Measured(
                _published - _publishedBefore, rejected - _rejectedBefore, Percentile(0.5), Percentile(0.99), _rows.Count,
                Mean(_rows), Mean(_tokens), Mean(_padding), _confidence.ToDictionary(c => c.Key, c => c.Value.Sum / c.Value.Count));
            (_publishedBefore, _rejectedBefore) = (_published, rejected);
            (_rows, _tokens, _padding) = (default, default, default);
            _latencies.Clear();
            _confidence.Clear();
            return measured;
        }
    }

    public void Dispose() => _listener.Dispose();

    private static bool IsRead(string name) => name is
        "mtlstream.events.published" or "mtlstream.events.rejected" or "mtlstream.event.latency" or
        "mtlstream.batch.rows" or "mtlstream.batch.tokens" or "mtlstream.batch.padding" or
        "mtlstream.task.labels" or "mtlstream.task.confidence" or "mtlstream.task.drift";

    private void Take(string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_gate)
        {
            switch (name)
            {
                case "mtlstream.events.published":
                    _published += (long)value;
                    break;
                case "mtlstream.events.rejected":
                    var reason = Tag(tags, "error.type");
                    _rejected[reason] = _rejected.GetValueOrDefault(reason) + (long)value;
                    break;
                case "mtlstream.event.latency":
                    if (_latencies.Count < MostLatencies) _latencies.Add(1000 * value);
                    break;
                case "mtlstream.batch.rows":
                    _rows = Add(_rows, value);
                    break;
                case "mtlstream.batch.tokens":
                    _tokens = Add(_tokens, value);
                    break;
                case "mtlstream.batch.padding":
                    _padding = Add(_padding, value);
                    break;
                case "mtlstream.task.labels":
                    _labels[(Tag(tags, "mtlstream.task"), Tag(tags, "mtlstream.label"))] = (long)value;
                    break;
                case "mtlstream.task.confidence":
                    var task = Tag(tags, "mtlstream.task");
                    _confidence[task] = Add(_confidence.GetValueOrDefault(task), value);
                    break;
                case "mtlstream.task.drift":
                    _drifts[(Tag(tags, "mtlstream.task"), Tag(tags, "mtlstream.drift.of"))] = value;
                    break;
            }
        }
    }

    private double? Percentile(double share) => _latencies.Count == 0 ? null : Math.Round(_latencies[(int)(share * (_latencies.Count - 1))], 1);

    private static double? Mean((double Sum, long Count) of) => of.Count == 0 ? null : Math.Round(of.Sum / of.Count, 3);

    private static (double Sum, long Count) Add((double Sum, long Count) to, double value) => (to.Sum + value, to.Count + 1);

    private static string Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, string name)
    {
        foreach (var (key, value) in tags)
        {
            if (key == name) return value as string ?? "";
        }

        return "";
    }
}
