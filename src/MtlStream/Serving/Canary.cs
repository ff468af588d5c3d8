using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Serving;

/// <summary>What a candidate may not do worse than, beside the version that serves.</summary>
/// <param name="Events">Events that the candidate scores before it is judged by labels and time.</param>
/// <param name="MostDrift">Population stability index of a task's labels between the two, beyond what chance gives.</param>
/// <param name="MostSlowdown">Its time per token, as a multiple of the other's.</param>
public sealed record CanaryGates(int Events, double MostDrift, double MostSlowdown);

/// <summary>A candidate's share of the stream, and what shows there. Thread-safe.</summary>
/// <remarks>
/// Whole batches are drawn, by a number of their own and not by their texts. Texts of several windows stay with the version that serves.
/// What the candidate fails on, or says without sense, is scored by that version at once, so no event is lost to a trial.
/// </remarks>
public sealed class Canary : IModelTrial
{
    private const int MostFailures = 3;
    private const int JudgedEvery = 32; // events

    private readonly Lock _sync = new();
    private readonly CanaryGates _gates;
    private readonly double _share;
    private readonly IReadOnlyList<LabelTally> _tallies; // of the tasks that both have
    private readonly (double Seconds, long Tokens)[] _times = new (double, long)[2]; // of the serving version, of the candidate
    private volatile string? _worse;
    private long _batches, _events;
    private int _failures;

    /// <param name="share">Share of the batches that the candidate scores.</param>
    public Canary(ModelIdentity candidate, IReadOnlyList<ModelTask> serving, IReadOnlyList<ModelTask> tasks, double share, CanaryGates gates)
    {
        Identity = candidate;
        (_share, _gates) = (share, gates);
        _tallies = [.. serving.Select(t => new LabelTally(t)).Where(tally => tasks.Any(tally.Knows))];
    }

    /// <summary>The candidate.</summary>
    public ModelIdentity Identity { get; }

    /// <summary>Events that it scored.</summary>
    public long Events => Interlocked.Read(ref _events);

    /// <summary>Why it does worse than its gates: from then on it scores nothing more. Null as long as it does not.</summary>
    public string? Worse => _worse;

    /// <summary>True once it scored enough events and was not worse in any.</summary>
    public bool HasPassed => _worse is null && Events >= _gates.Events;

    /// <summary>Ends it for a reason that shows elsewhere, such as people's answers.</summary>
    public void GoBack(string reason) => _worse ??= reason;

    /// <summary>Takes note of the labels of one event, whichever version gave them.</summary>
    public void Observe(TokenizedText text, Predictions predictions, int sequence)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        var isCandidate = predictions.Model == Identity;
        lock (_sync)
        {
            foreach (var tally in _tallies) tally.Take(predictions, sequence, text, isCandidate);
        }

        if (!isCandidate) return;
        var events = Interlocked.Increment(ref _events);
        if (events >= _gates.Events && events % JudgedEvery == 0) Judge();
    }

    /// <summary>Whether the candidate scores a batch.</summary>
    internal bool Takes(TokenBatch batch)
    {
        if (_worse is not null) return false;
        var number = (ulong)Interlocked.Increment(ref _batches) * 0x9E3779B97F4A7C15; // Weyl's sequence, mixed: evenly spread, and no rhythm of the stream's
        number = (number ^ (number >> 32)) * 0xD6E8FEB86659FD93;
        return (number >> 11) * (1.0 / (1UL << 53)) < _share && batch.Sequences.All(s => s.Tokens.Windows.Length == 1);
    }

    internal void Scored(bool byCandidate, TokenBatch batch, TimeSpan elapsed)
    {
        lock (_sync)
        {
            ref var time = ref _times[byCandidate ? 1 : 0];
            time = (time.Seconds + elapsed.TotalSeconds, time.Tokens + batch.Tokens);
        }
    }

    /// <param name="reason">What went wrong, without text of an event.</param>
    internal void Failed(string reason)
    {
        if (Interlocked.Increment(ref _failures) >= MostFailures) GoBack($"it failed on {MostFailures} batches that the version before could score; the last one: {reason}");
    }

    /// <summary>What is wrong with a candidate's scores; null when nothing is.</summary>
    internal static string? Nonsense(TokenBatch batch, Predictions predictions)
    {
        for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
        {
            for (var task = 0; task < predictions.Tasks.Count; task++)
            {
                if (predictions.Tasks[task].ValidationError(predictions.Of(task, sequence), batch.Sequences[sequence].Tokens) is { } error) return error;
            }
        }

        return null;
    }

    private void Judge()
    {
        lock (_sync)
        {
            foreach (var tally in _tallies)
            {
                var drift = tally.DriftBeyondChance();
                if (drift > _gates.MostDrift)
                    GoBack(Told($"{tally.Task}: its labels differ from those of the version before, index {drift:F2}, expected at most {_gates.MostDrift:F2}"));
            }

            var (before, candidate) = (_times[0], _times[1]);
            if (before.Tokens == 0 || candidate.Tokens == 0 || before.Seconds == 0) return;
            var slowdown = candidate.Seconds / candidate.Tokens / (before.Seconds / before.Tokens);
            if (slowdown > _gates.MostSlowdown) GoBack(Told($"it takes {slowdown:F1} times as long a token, expected at most {_gates.MostSlowdown:F1}"));
        }
    }

    private static string Told(FormattableString text) => text.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>How often each label of a task was given by each of the two.</summary>
    private sealed class LabelTally(ModelTask task) : ILabelCounts
    {
        private readonly long[] _before = new long[task.Labels.Count];
        private readonly long[] _candidate = new long[task.Labels.Count];
        private readonly Dictionary<ModelTask, int[]?> _places = []; // of each version's labels among the task's; null where they are others
        private long[] _taking = [];
        private int[] _taken = [];

        public string Task => task.Name;

        /// <summary>True for a version of the task with the same labels, in whatever order.</summary>
        public bool Knows(ModelTask other) => PlacesOf(other) is not null;

        public void Take(Predictions predictions, int sequence, TokenizedText text, bool byCandidate)
        {
            for (var index = 0; index < predictions.Tasks.Count; index++)
            {
                if (PlacesOf(predictions.Tasks[index]) is not { } places) continue;
                _taken = places;
                _taking = byCandidate ? _candidate : _before;
                predictions.Tasks[index].Observe(predictions.Of(index, sequence), text, this);
            }
        }

        void ILabelCounts.Add(int label) => _taking[_taken[label]]++;

        private int[]? PlacesOf(ModelTask other)
        {
            if (_places.TryGetValue(other, out var known)) return known;
            var isSame = other.Name == task.Name && other.Kind == task.Kind && other.Labels.Count == task.Labels.Count && other.Labels.All(task.Labels.Contains);
            return _places[other] = isSame ? [.. other.Labels.Select(label => task.Labels.ToList().IndexOf(label))] : null;
        }

        /// <summary>Stability index of the candidate's labels against the other's, less what two draws from one stream have on average.</summary>
        public double DriftBeyondChance()
        {
            double before = _before.Sum(), candidate = _candidate.Sum();
            if (before == 0 || candidate == 0) return before == candidate ? 0 : double.PositiveInfinity;
            var chance = (_before.Length - 1) * ((1 / before) + (1 / candidate));
            return ReferenceDistribution.StabilityIndex([.. _before.Select(count => count / before)], _candidate) - chance;
        }
    }
}
