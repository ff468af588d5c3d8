using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using MtlStream.Batching;
using MtlStream.Diagnostics;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Serving;

/// <summary>How often the shadow model gave a task's labels as the model that serves did.</summary>
public sealed record TaskAgreement(string Task, long Compared, long Agreed);

/// <summary>Another model that scores a sample of the events beside the one that serves. Only its agreement is published.</summary>
/// <remarks>
/// Events are copied for it, one sequence per call; when it cannot keep up they are left out, so it never holds the stream up.
/// Texts of several windows are left out. Tasks are compared by name, labels by name; a word's tag counts once per word.
/// </remarks>
public sealed class ShadowModel : IDisposable
{
    private readonly IMultitaskModel _shadow;
    private readonly double _share;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<Sample> _samples = Channel.CreateBounded<Sample>(64);
    private volatile Pairing _pairing; // for the version whose results came last
    private readonly Counter<long> _compared;
    private readonly Counter<long> _agreed;
    private readonly Counter<long> _skipped;
    private readonly Histogram<double> _duration;
    private readonly Dictionary<string, TaskAgreement> _agreement = []; // locked
    private long _offered, _failed;

    /// <param name="shadow">Owned from now on. It must take the same tokens as the model that serves.</param>
    /// <param name="serving">The tasks of the model that serves.</param>
    /// <param name="share">Share of the events to compare, evenly spread.</param>
    public ShadowModel(
        IMeterFactory meters, IMultitaskModel shadow, IReadOnlyList<ModelTask> serving, double share, TimeProvider time, ILogger logger)
    {
        _shadow = shadow;
        _share = share;
        _time = time;
        _logger = logger;
        _pairing = Pairing.Of(serving, shadow.Tasks);
        var meter = meters.Create(Instrumentation.Name);
        _compared = meter.CreateCounter<long>("mtlstream.shadow.compared", "{label}", "Labels that both models gave: one per text, or one per word.");
        _agreed = meter.CreateCounter<long>("mtlstream.shadow.agreed", "{label}", "Labels that are the same from both models.");
        _skipped = meter.CreateCounter<long>("mtlstream.shadow.skipped", "{event}", "Events of the sample that the shadow model had no time for, or failed on.");
        _duration = meter.CreateHistogram<double>("mtlstream.shadow.duration", "s", "Time one event spends in the shadow model.",
            advice: new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] });
        _skipped.Add(0); // see PipelineMetrics
        foreach (var counter in new[] { _compared, _agreed })
            foreach (var pair in _pairing.Pairs) counter.Add(0, pair.Tag);
    }

    public ModelIdentity Identity => _shadow.Identity;

    /// <summary>Share of the events that it compares.</summary>
    public double Share => _share;

    /// <summary>By task, since the start.</summary>
    public IReadOnlyList<TaskAgreement> Agreement
    {
        get
        {
            lock (_agreement) return [.. _agreement.Values];
        }
    }

    /// <summary>Takes a copy of an event if it is the sample's turn. Never waits. Thread-safe.</summary>
    public void Offer(TaskText text, Predictions predictions, int sequence)
    {
        if (text.Tokens.Windows.Length > 1) return;
        var offered = Interlocked.Increment(ref _offered);
        if ((long)(offered * _share) == (long)((offered - 1) * _share)) return;
        var pairs = PairsOf(predictions.Tasks);
        var given = new List<IReadOnlyList<string>>(pairs.Count);
        foreach (var pair in pairs) given.Add(Given(predictions, pair.Serving, sequence, text));
        var sample = new Sample(text.Text.ToString(), text.Tokens.Copy(), pairs, given);
        if (_samples.Writer.TryWrite(sample)) return;
        _skipped.Add(1);
        sample.Dispose();
    }

    /// <summary>Scores what was offered, one event at a time, until cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var sample in _samples.Reader.ReadAllAsync(stopping))
            {
                using (sample) Compare(sample);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    public void Dispose() => _shadow.Dispose();

    private void Compare(Sample sample)
    {
        var started = _time.GetTimestamp();
        try
        {
            var batch = new TokenBatch([new(sample.Tokens, 0)], sample.Tokens.SequenceLength(0), BatchTrigger.DeviceFree);
            using var predictions = _shadow.Predict(batch, 0);
            _duration.Record(_time.GetElapsedTime(started).TotalSeconds);
            for (var i = 0; i < sample.Pairs.Count; i++)
            {
                var pair = sample.Pairs[i];
                var given = sample.Given[i];
                var others = Given(predictions, pair.Shadow, 0, new(sample.Text, sample.Tokens));
                Count(pair, given.Count, given.Zip(others).Count(labels => labels.First == labels.Second));
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException) // a bug, too: the sample goes on
        {
            _skipped.Add(1);
            if (_failed++ == 0) _logger.ShadowFailed(_shadow.Identity.Version, Told(exception));
        }
    }

    private void Count(TaskPair pair, int compared, int agreed)
    {
        _compared.Add(compared, pair.Tag);
        _agreed.Add(agreed, pair.Tag);
        var task = (string)pair.Tag.Value!;
        lock (_agreement)
        {
            var before = _agreement.GetValueOrDefault(task) ?? new(task, 0, 0);
            _agreement[task] = before with { Compared = before.Compared + compared, Agreed = before.Agreed + agreed };
        }
    }

    private static string Told(Exception exception) => exception is InferenceException ? exception.Message : exception.WithoutMessages();

    private static IReadOnlyList<string> Given(Predictions predictions, int task, int sequence, TaskText text) =>
        predictions.Tasks[task].Given(predictions.Of(task, sequence), text);

    private IReadOnlyList<TaskPair> PairsOf(IReadOnlyList<ModelTask> serving)
    {
        var pairing = _pairing;
        if (!ReferenceEquals(pairing.ServingTasks, serving)) _pairing = pairing = Pairing.Of(serving, _shadow.Tasks);
        return pairing.Pairs;
    }

    /// <summary>A task that both models have, by its index in each.</summary>
    private readonly record struct TaskPair(int Serving, int Shadow, KeyValuePair<string, object?> Tag);

    private sealed record Pairing(IReadOnlyList<ModelTask> ServingTasks, IReadOnlyList<TaskPair> Pairs)
    {
        public static Pairing Of(IReadOnlyList<ModelTask> serving, IReadOnlyList<ModelTask> shadow)
        {
            var pairs =
                from a in serving.Index()
                from b in shadow.Index()
                where a.Item.Name == b.Item.Name && a.Item.Kind == b.Item.Kind
                select new TaskPair(a.Index, b.Index, new("mtlstream.task", a.Item.Name));
            return new(serving, [.. pairs]);
        }
    }

    /// <summary>A copied text and what the model that serves said about it.</summary>
    private sealed class Sample(
        string text, TokenizedText tokens, IReadOnlyList<TaskPair> pairs, IReadOnlyList<IReadOnlyList<string>> given) : IDisposable
    {
        public string Text { get; } = text;
        public TokenizedText Tokens { get; } = tokens;
        public IReadOnlyList<TaskPair> Pairs { get; } = pairs;
        public IReadOnlyList<IReadOnlyList<string>> Given { get; } = given;

        public void Dispose() => Tokens.Dispose();
    }
}
