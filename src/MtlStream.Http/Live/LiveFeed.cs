using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Http.Requests;
using MtlStream.Monitoring;
using MtlStream.Tasks;

namespace MtlStream.Http.Live;

/// <summary>Looks at the stream once a second, and tells whoever waits. Thread-safe.</summary>
public sealed class LiveFeed : BackgroundService
{
    private const int KeptPoints = 300; // five minutes
    private const int LabelsOfTask = 6;

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly RequestDesk _desk;
    private readonly TimeProvider _time;
    private readonly LiveMeters _meters;
    private readonly LiveResults _results;
    private readonly Lock _gate = new();
    private readonly Queue<Point> _points = new(KeptPoints + 1);
    private readonly Queue<IReadOnlyDictionary<(string Task, string Label), long>> _labels = new(KeptPoints + 1);
    private readonly Dictionary<string, double> _confidence = [];
    private TaskCompletionSource<byte[]> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (string Version, ReferenceDistribution? Distribution) _reference = ("", null);
    private Func<IReadOnlyList<PartitionLag>> _lags = () => [];

    public LiveFeed(HttpOptions options, InputOptions input, RequestDesk desk, IMeterFactory meters, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(input);
        (_desk, _time) = (desk, time);
        _meters = new(meters);
        _results = new(options.ShowTexts, input.TextPointer);
    }

    /// <summary>One second of the stream. Times in milliseconds.</summary>
    private sealed record Point(long T, long Published, long Rejected, double? P50, double? P99, long Lag);

    /// <summary>What waits in each partition is asked for here from now on.</summary>
    public void Reads(Func<IReadOnlyList<PartitionLag>> lags) => _lags = lags;

    /// <summary>Takes note of a result of the stream.</summary>
    public void Take(OutboundRecord result) => _results.Take(result);

    /// <summary>The minutes before now, as JSON.</summary>
    internal byte[] History
    {
        get
        {
            lock (_gate) return JsonSerializer.SerializeToUtf8Bytes(new { points = _points, results = _results.Kept }, JsonSerializerOptions.Web);
        }
    }

    /// <summary>The next look, as JSON.</summary>
    internal Task<byte[]> NextAsync()
    {
        lock (_gate) return _next.Task;
    }

    public override void Dispose()
    {
        _meters.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_interval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) Look();
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // as asked
        }
    }

    /// <summary>Looks now.</summary>
    internal void Look()
    {
        var measured = _meters.Look();
        var lags = _lags();
        var point = new Point(_time.GetUtcNow().ToUnixTimeMilliseconds(), measured.Published, measured.Rejected, measured.P50, measured.P99, lags.Sum(l => l.Events));
        var labels = _meters.Labels;
        foreach (var (task, value) in measured.Confidence) _confidence[task] = Math.Round(value, 3);
        TaskCompletionSource<byte[]> told;
        byte[] json;
        lock (_gate)
        {
            _points.Enqueue(point);
            _labels.Enqueue(labels);
            if (_points.Count > KeptPoints) _points.Dequeue();
            if (_labels.Count > KeptPoints) _labels.Dequeue();
            json = JsonSerializer.SerializeToUtf8Bytes(Told(point, measured, lags, labels, _labels.Peek()), JsonSerializerOptions.Web);
            told = _next;
            _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        told.TrySetResult(json);
    }

    private object Told(
        Point point, Measured measured, IReadOnlyList<PartitionLag> lags,
        IReadOnlyDictionary<(string Task, string Label), long> labels, IReadOnlyDictionary<(string Task, string Label), long> before)
    {
        var model = _desk.Now?.Loaded.Model;
        return new
        {
            point,
            batch = new { measured.Batches, measured.Rows, measured.Tokens, measured.Padding },
            partitions = lags.Select(l => new { l.Topic, l.Partition, lag = l.Events }),
            published = _meters.Published,
            rejected = _meters.Rejected,
            model = model is null ? null : new { model.Identity.Name, model.Identity.Version, model.Identity.Device },
            tasks = TasksOf(labels, before),
            results = _results.Look(),
        };
    }

    private List<object> TasksOf(
        IReadOnlyDictionary<(string Task, string Label), long> labels, IReadOnlyDictionary<(string Task, string Label), long> before)
    {
        if (_desk.Now is not { } opened) return [];
        var (tasks, drifts) = (opened.Loaded.Model.Tasks, _meters.Drifts);
        var reference = ReferenceOf(opened);
        var told = new List<object>();
        foreach (var task in tasks.Where(t => t.Labels.Count > 0))
        {
            var counts = task.Labels.Select(label => IsNone(task, label) ? 0 : labels.GetValueOrDefault((task.Name, label)) - before.GetValueOrDefault((task.Name, label))).ToList();
            var all = Math.Max(1, counts.Sum());
            var shares = reference?.Labels.GetValueOrDefault(task.Name)?.Select((share, i) => IsNone(task, task.Labels[i]) ? 0 : share).ToList();
            var whole = shares?.Sum() ?? 1;
            var shown = task.Labels.Select((label, i) => new { label, share = Math.Round(counts[i] / (double)all, 4), reference = shares?[i] / Math.Max(whole, 1e-9) })
                .Where(l => !IsNone(task, l.label))
                .OrderByDescending(l => l.share).ThenByDescending(l => l.reference).Take(LabelsOfTask);
            told.Add(new
            {
                task.Name,
                count = counts.Sum(),
                labels = shown.ToList(),
                confidence = _confidence.TryGetValue(task.Name, out var sure) ? sure : (double?)null,
                drift = drifts.TryGetValue((task.Name, "labels"), out var drift) ? Math.Round(drift, 3) : (double?)null,
            });
        }

        return told;
    }

    /// <summary>Most words are in no span: what the spans are would not be seen beside them.</summary>
    private static bool IsNone(ModelTask task, string label) => task is TokenSpansTask && label == "O";

    private ReferenceDistribution? ReferenceOf(RequestDesk.Opened opened)
    {
        var manifest = opened.Manifest();
        if (_reference.Version == manifest.Version) return _reference.Distribution;
        ReferenceDistribution? read;
        try
        {
            read = ReferenceDistribution.Read(manifest.Reference, opened.Loaded.Model.Tasks);
        }
        catch (InvalidDataException)
        {
            read = null; // the watch says what is wrong with it
        }

        _reference = (manifest.Version, read);
        return read;
    }
}
