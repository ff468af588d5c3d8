using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;
using System.Text;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Monitoring;

/// <summary>Watches what the model says, so that it shows when the stream leaves what the model was made for. Thread-safe.</summary>
/// <remarks>
/// Confidence of an event in a task: the probability of the best label; for token-level tasks the mean over its words of the
/// probability of their tags. Entropy is a share of the highest possible: over all labels of a single-label task, the mean over
/// the labels of a multi-label one; for token-level tasks, whose other probabilities stay on the device, that of the tag
/// against all others.
/// </remarks>
public sealed class DriftMonitor
{
    public const string MeterName = "MtlStream.Watch";

    private readonly WatchOptions _options;
    private readonly int _unknownId;
    private readonly SlidingCounts _lengths;
    private readonly Histogram<double> _confidence;
    private readonly Histogram<double> _entropy;
    private readonly Histogram<int> _length;
    private readonly Counter<long> _lowConfidence;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _unknown;
    private readonly Counter<long> _reviewed;
    private readonly ReviewDraw _review;
    private readonly bool _needed; // even when nobody reads the metrics
    private readonly Lock _sync = new();
    private IReadOnlyList<ModelTask> _tasks;
    private TaskStatistics[] _tallies; // one for each of the tasks
    private (IReadOnlyList<ModelTask> Tasks, TaskStatistics?[] Tallies) _last; // whose results came last
    private LanguageGate _gate = LanguageGate.Open;
    private ReferenceDistribution? _reference;
    private double _due;
    private long _events, _tokensSeen, _tokensUnknown;

    /// <param name="unknownId">Id of the token for what the vocabulary does not know; -1 when there is none.</param>
    /// <param name="reference">What to compare with; null when the package has none: no drift is measured then.</param>
    /// <exception cref="InvalidDataException">A limit names a task that is not served; the message lists those that are.</exception>
    public DriftMonitor(
        IMeterFactory meters, WatchOptions options, IReadOnlyList<ModelTask> tasks, int unknownId, ReferenceDistribution? reference)
    {
        CheckLimits(options, tasks);
        _options = options;
        _tasks = tasks;
        _unknownId = unknownId;
        _reference = reference;
        _review = new(options);
        _needed = _review.IsOn || options.SaveReference.Length > 0;
        _tallies = [.. tasks.Select(t => new TaskStatistics(t, options))];
        _last = (tasks, _tallies);
        _lengths = new(ReferenceDistribution.LengthBounds.Count + 1, options.DriftWindow);
        var meter = meters.Create(MeterName);
        _confidence = meter.CreateHistogram<double>("mtlstream.task.confidence", "1", "Probability of an event's best label.",
            advice: new() { HistogramBucketBoundaries = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99] });
        _entropy = meter.CreateHistogram<double>("mtlstream.task.entropy", "1", "Entropy of an event's labels, as a share of the highest possible.",
            advice: new() { HistogramBucketBoundaries = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] });
        _length = meter.CreateHistogram<int>("mtlstream.text.length", "{token}", "Tokens of an event's text.",
            advice: new() { HistogramBucketBoundaries = [8, 16, 32, 64, 128, 256, 512, 1024, 4096] });
        _lowConfidence = meter.CreateCounter<long>("mtlstream.task.low_confidence", "{event}", "Events below the task's limit of confidence.");
        _tokens = meter.CreateCounter<long>("mtlstream.tokens", "{token}", "Tokens of the texts watched.");
        _unknown = meter.CreateCounter<long>("mtlstream.tokens.unknown", "{token}", "Tokens of the texts watched that the vocabulary does not know.");
        _reviewed = meter.CreateCounter<long>("mtlstream.events.review", "{event}", "Results copied to the review topic.");
        foreach (var counter in new[] { _tokens, _unknown, _reviewed }) counter.Add(0); // see PipelineMetrics
        foreach (var tally in _tallies) _lowConfidence.Add(0, tally.Tag);
        meter.CreateObservableCounter("mtlstream.task.labels", ObserveLabels, "{label}", "Labels given; for token-level tasks one per word.");
        meter.CreateObservableGauge("mtlstream.task.drift", ObserveDrift, "1", "Population stability index against the reference distribution.");
        meter.CreateObservableGauge("mtlstream.text.drift", ObserveTextDrift, "1", "Population stability index of text lengths.");
    }

    /// <summary>Watches another version of the model from now on. Totals of tasks that it has too go on.</summary>
    /// <param name="reference">What to compare it with.</param>
    /// <exception cref="InvalidDataException">A limit names a task that it does not have.</exception>
    public void Watch(IReadOnlyList<ModelTask> tasks, ReferenceDistribution? reference)
    {
        CheckLimits(_options, tasks);
        lock (_sync)
        {
            var before = _tallies;
            _tasks = tasks;
            _tallies = [.. tasks.Select(t => Like(t, before) ?? new TaskStatistics(t, _options))];
            _last = (tasks, _tallies);
            _reference = reference;
            _lengths.Clear();
            foreach (var tally in _tallies)
            {
                tally.ClearWindow();
                if (!before.Contains(tally)) _lowConfidence.Add(0, tally.Tag);
            }
        }
    }

    /// <summary>Whether copies are asked for at all.</summary>
    public bool AsksForReview => _review.IsOn;

    /// <summary>Takes note of one event. Call it once per event, before its buffers are given back.</summary>
    /// <param name="sequence">The sequence of <paramref name="predictions"/> that covers all tokens of the event.</param>
    /// <param name="number">The event's own, from 0 to below 1: low ones are drawn for review.</param>
    /// <returns>Why a person should look at it; null when none needs to.</returns>
    public ReviewChoice? Observe(TokenizedText text, Predictions predictions, int sequence, double number = 0)
    {
        if (!(_confidence.Enabled || _needed) || !IsDue()) return null;
        var tokens = text.Tokens;
        var unknown = CountUnknown(tokens);
        _length.Record(tokens.Length);
        _tokens.Add(tokens.Length);
        if (unknown > 0) _unknown.Add(unknown);
        ReviewChoice? choice = null;
        lock (_sync)
        {
            _events++;
            _tokensSeen += tokens.Length;
            _tokensUnknown += unknown;
            _lengths.Add(Bin(tokens.Length));
            _lengths.EventDone();
            var tallies = TalliesOf(predictions.Tasks);
            if (!ReferenceEquals(_gate.Tasks, predictions.Tasks)) _gate = new(predictions.Tasks);
            var language = _gate.LanguageOf(predictions, sequence);
            for (var task = 0; task < tallies.Length; task++)
            {
                if (_gate.IsSilent(task, language)) tallies[task]?.Skip();
                else tallies[task]?.Take(predictions.Tasks[task], predictions.Of(task, sequence), text);
            }

            if (_review.IsOn) choice = _review.Choose(Unsure(tallies), _review.AsksForDrifted && IsDrifted(tallies, tokens.Length), number);
            foreach (var tally in tallies)
            {
                if (tally is not { HasAnswer: true }) continue;
                _confidence.Record(tally.Confidence, tally.Tag);
                _entropy.Record(tally.Entropy, tally.Tag);
                if (tally.Confidence < tally.LowBelow) _lowConfidence.Add(1, tally.Tag);
            }
        }

        if (choice is not null) _reviewed.Add(1);
        return choice;
    }

    /// <summary>What was watched so far, as a reference to come; null when nothing was.</summary>
    public ReferenceDistribution? Snapshot()
    {
        lock (_sync)
        {
            if (_events == 0) return null;
            return new(
                _events, Shares(_lengths.Ever), _tokensSeen == 0 ? 0 : (double)_tokensUnknown / _tokensSeen,
                _tallies.ToDictionary(t => t.Task.Name, t => Shares(t.Labels.Ever)),
                _tallies.ToDictionary(t => t.Task.Name, t => Shares(t.Confidences.Ever)));
        }

        static IReadOnlyList<double> Shares(ReadOnlySpan<long> counts)
        {
            var shares = new double[counts.Length];
            double total = 0;
            foreach (var count in counts) total += count;
            for (var i = 0; i < counts.Length && total > 0; i++) shares[i] = counts[i] / total;
            return shares;
        }
    }

    /// <summary>Writes <see cref="Snapshot"/> to <c>Watch:SaveReference</c>, when that is set and something was watched.</summary>
    public void Save()
    {
        if (_options.SaveReference.Length == 0 || Snapshot() is not { } snapshot) return;
        var written = Beside(_options.SaveReference);
        File.WriteAllText(written, snapshot.Write(_tasks).ToJsonString(new() { WriteIndented = true }) + "\n");
        File.Move(written, _options.SaveReference, overwrite: true); // whole, or as it was
    }

    /// <exception cref="InvalidDataException">A limit names a task that is not served; the message lists those that are.</exception>
    public static void CheckLimits(WatchOptions options, IReadOnlyList<ModelTask> tasks)
    {
        var strangers = options.LowConfidenceOf.Keys.Concat(options.Review.Keys).Except(tasks.Select(t => t.Name)).ToList();
        if (strangers.Count == 0) return;
        throw new InvalidDataException(
            $"Watch: found a limit for {string.Join(", ", strangers)}, expected some of {string.Join(", ", tasks.Select(t => t.Name))}.");
    }

    /// <summary>Tries whether <see cref="Save"/> will be able to write, and leaves everything as it was.</summary>
    /// <exception cref="InvalidDataException"><c>Watch:SaveReference</c> cannot be written.</exception>
    public static void CheckSave(WatchOptions options)
    {
        if (options.SaveReference.Length == 0) return;
        try
        {
            if (Path.Exists(options.SaveReference)) Open(options.SaveReference, FileMode.Open, FileOptions.None).Dispose();
            Open(Beside(options.SaveReference), FileMode.OpenOrCreate, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"Watch:SaveReference: {options.SaveReference} cannot be written: {exception.Message}", exception);
        }
    }

    // Where it is written before it takes the place of the file of this name.
    private static string Beside(string path) => path + ".part";

    private static FileStream Open(string path, FileMode mode, FileOptions options) =>
        new(path, mode, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1, options);

    /// <summary>The reference to compare with: the file that the options name, otherwise the manifest's.</summary>
    /// <exception cref="InvalidDataException">The file is not there, is not JSON, or does not fit the tasks.</exception>
    public static ReferenceDistribution? ReferenceOf(WatchOptions options, JsonElement? manifest, IReadOnlyList<ModelTask> tasks)
    {
        if (options.Reference.Length == 0) return ReferenceDistribution.Read(manifest, tasks);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(options.Reference));
            return ReferenceDistribution.Read(json.RootElement.Clone(), tasks);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new InvalidDataException($"Watch:Reference: {options.Reference} cannot be read: {exception.Message}", exception);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"Watch:Reference: {options.Reference}: {exception.Message}", exception);
        }
    }

    private static TaskStatistics? Like(ModelTask task, TaskStatistics[] tallies) => Array.Find(tallies, t => t.Task.IsLike(task));

    /// <summary>Of each task of the version that a result is from; null for one that the version watched does not have.</summary>
    private TaskStatistics?[] TalliesOf(IReadOnlyList<ModelTask> tasks)
    {
        if (!ReferenceEquals(tasks, _last.Tasks)) _last = (tasks, [.. tasks.Select(t => Like(t, _tallies))]);
        return _last.Tallies;
    }

    private static string Unsure(TaskStatistics?[] tallies)
    {
        StringBuilder? unsure = null;
        foreach (var tally in tallies)
        {
            if (tally is not { HasAnswer: true } || tally.Confidence >= tally.ReviewBelow) continue;
            (unsure = unsure?.Append(',') ?? new()).Append(CultureInfo.InvariantCulture, $"{tally.Task.Name}={tally.Confidence:F4}");
        }

        return unsure?.ToString() ?? "";
    }

    private bool IsDrifted(TaskStatistics?[] tallies, int tokens)
    {
        if (_reference is not { } reference) return false;
        if (reference.TextLengths.Count > 0 && _lengths.IsMoreCommon(reference.TextLengths, Bin(tokens))) return true;
        return Array.Exists(tallies, tally => tally is not null && tally.IsDrifted(reference));
    }

    // Adds up the share until a whole event is due: evenly spread, whatever the share is.
    private bool IsDue()
    {
        if (_options.Share >= 1) return true;
        if (_options.Share <= 0) return false;
        lock (_sync)
        {
            _due += _options.Share;
            if (_due < 1) return false;
            _due -= 1;
            return true;
        }
    }

    private int CountUnknown(ReadOnlySpan<Token> tokens)
    {
        if (_unknownId < 0) return 0;
        var unknown = 0;
        foreach (var token in tokens) unknown += token.Id == _unknownId ? 1 : 0;
        return unknown;
    }

    private static int Bin(int tokens)
    {
        var bounds = ReferenceDistribution.LengthBounds;
        for (var i = 0; i < bounds.Count; i++)
        {
            if (tokens <= bounds[i]) return i;
        }

        return bounds.Count;
    }

    private List<Measurement<long>> ObserveLabels()
    {
        lock (_sync) return [.. _tallies.SelectMany(t => t.LabelMeasurements())];
    }

    private List<Measurement<double>> ObserveDrift()
    {
        var drifts = new List<Measurement<double>>();
        lock (_sync)
        {
            if (_reference is not { } reference) return drifts;
            foreach (var tally in _tallies)
            {
                if (reference.Labels.TryGetValue(tally.Task.Name, out var labels)) tally.Labels.Drift(labels, drifts, tally.Tag, new("mtlstream.drift.of", "labels"));
                if (reference.Confidences.TryGetValue(tally.Task.Name, out var bins)) tally.Confidences.Drift(bins, drifts, tally.Tag, new("mtlstream.drift.of", "confidence"));
            }
        }

        return drifts;
    }

    private List<Measurement<double>> ObserveTextDrift()
    {
        var drifts = new List<Measurement<double>>();
        lock (_sync)
        {
            if (_reference is { TextLengths.Count: > 0 } reference)
                _lengths.Drift(reference.TextLengths, drifts, new KeyValuePair<string, object?>("mtlstream.drift.of", "length"));
        }

        return drifts;
    }
}
