using System.Diagnostics;
using MtlStream.Batching;
using MtlStream.Diagnostics;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Serving;

/// <summary>A model whose version can be replaced while it serves: between two batches, without a pause. Thread-safe per worker.</summary>
/// <remarks>
/// Every batch is scored by one version from beginning to end, and its predictions say which, and which tasks it has: versions may
/// differ in them. All windows of a long text go to the version that took the first of them, so the version before stays until the
/// last such text is done, then it is disposed.
/// </remarks>
public sealed class ModelSwap : IMultitaskModel
{
    private Served _serving;
    private Trial? _trial;

    /// <param name="first">Owned from now on.</param>
    public ModelSwap(IMultitaskModel first) => (_serving, Shape, Workers) = (new(first), first.Shape, first.Workers);

    public ModelIdentity Identity => Volatile.Read(ref _serving).Model.Identity;
    public IReadOnlyList<ModelTask> Tasks => Volatile.Read(ref _serving).Model.Tasks;
    public BatchShape Shape { get; }
    public int Workers { get; }

    /// <summary>The candidate that scores a share of the batches; null when there is none.</summary>
    public Canary? Canary => Volatile.Read(ref _trial)?.Canary;

    public Predictions Predict(TokenBatch batch, int worker)
    {
        if (Volatile.Read(ref _trial) is not { } trial) return PredictServing(batch, worker);
        if (trial.Canary.Takes(batch) && TryCandidate(trial, batch, worker) is { } tried) return tried;
        var started = Stopwatch.GetTimestamp();
        var predictions = PredictServing(batch, worker);
        trial.Canary.Scored(byCandidate: false, batch, Stopwatch.GetElapsedTime(started));
        predictions.Trial = trial.Canary;
        return predictions;
    }

    private Predictions PredictServing(TokenBatch batch, int worker)
    {
        using var lease = LeaseFor(batch);
        var predictions = lease.Model.Predict(batch, worker);
        predictions.Model = lease.Model.Identity;
        return predictions;
    }

    public void Probe(int worker)
    {
        using var lease = Current();
        lease.Model.Probe(worker);
    }

    /// <summary>Lets another version serve from the next batch on.</summary>
    /// <param name="next">Loaded and warmed up. Owned from now on, unless it is refused.</param>
    /// <param name="refusal">What does not fit the version that serves: work under way depends on it, so it takes a restart.</param>
    public bool TrySwap(IMultitaskModel next, out string refusal)
    {
        refusal = Incompatibility(next);
        if (refusal.Length > 0) return false;
        EndTrial(); // what was compared is no more
        Interlocked.Exchange(ref _serving, new(next)).Release();
        return true;
    }

    /// <summary>Lets a candidate score a share of the batches beside the version that serves.</summary>
    /// <param name="candidate">Loaded and warmed up. Owned from now on, unless it is refused.</param>
    /// <param name="refusal">What does not fit the version that serves.</param>
    public bool TryTrial(IMultitaskModel candidate, Canary canary, out string refusal)
    {
        refusal = Incompatibility(candidate);
        if (refusal.Length > 0) return false;
        Interlocked.Exchange(ref _trial, new(new(candidate), canary))?.Candidate.Release();
        return true;
    }

    /// <summary>Has the version that serves score everything again.</summary>
    public void EndTrial() => Interlocked.Exchange(ref _trial, null)?.Candidate.Release();

    /// <summary>Lets the candidate score everything from the next batch on.</summary>
    public void Promote()
    {
        if (Interlocked.Exchange(ref _trial, null) is { } trial) Interlocked.Exchange(ref _serving, trial.Candidate).Release();
    }

    /// <summary>Why a model cannot stand in for the one that serves; empty when it can.</summary>
    public string Incompatibility(IMultitaskModel next)
    {
        if (next.Workers < Workers) return $"it has {next.Workers} workers, the version that serves has {Workers}";
        if (next.Shape.MaxSequences != Shape.MaxSequences || next.Shape.MaxPaddedTokens != Shape.MaxPaddedTokens)
            return $"it wants batches of {next.Shape.MaxSequences} sequences and {next.Shape.MaxPaddedTokens} tokens, the version that serves {Shape.MaxSequences} and {Shape.MaxPaddedTokens}";
        return "";
    }

    public void Dispose()
    {
        EndTrial();
        _serving.Release();
    }

    /// <summary>Null when the candidate cannot score it, or is gone: then the version that serves does.</summary>
    private static Predictions? TryCandidate(Trial trial, TokenBatch batch, int worker)
    {
        using var lease = trial.Candidate.TryLease();
        if (lease is null) return null;
        var started = Stopwatch.GetTimestamp();
        try
        {
            var predictions = lease.Model.Predict(batch, worker);
            if (Canary.Nonsense(batch, predictions) is { } nonsense)
            {
                predictions.Dispose();
                trial.Canary.Failed(nonsense);
                return null;
            }

            predictions.Model = lease.Model.Identity;
            predictions.Trial = trial.Canary;
            trial.Canary.Scored(byCandidate: true, batch, Stopwatch.GetElapsedTime(started));
            return predictions;
        }
        catch (Exception exception) when (exception is not OperationCanceledException) // a bug, too: the version that serves scores it
        {
            trial.Canary.Failed(exception is InferenceException ? exception.Message : exception.WithoutMessages());
            return null;
        }
    }

    private Lease LeaseFor(TokenBatch batch)
    {
        Lease? pinned = null;
        foreach (var sequence in batch.Sequences)
        {
            if (sequence.Owner?.Kept is Lease held) pinned = Same(pinned, held, batch);
        }

        var lease = pinned?.Again() ?? Current();
        foreach (var (tokens, _, owner) in batch.Sequences)
        {
            if (owner is null || tokens.Windows.Length == 1) continue;
            var mine = lease.Again();
            var held = (Lease)owner.Keep(mine);
            if (ReferenceEquals(held, mine)) continue;
            mine.Dispose();
            if (held.Model == lease.Model) continue;

            // Another worker pinned a window of this text to another version just now.
            lease.Dispose();
            return batch.Sequences.Count == 1 ? held.Again() : throw Mixed(batch);
        }

        return lease;
    }

    private static Lease Same(Lease? pinned, Lease held, TokenBatch batch) =>
        pinned is null || pinned.Model == held.Model ? held : throw Mixed(batch);

    // The pipeline halves the batch, and each half finds its version: rarer than a swap, and nothing is lost by it.
    private static MixedBatchException Mixed(TokenBatch batch) =>
        new($"{batch.Sequences.Count} sequences of long texts that were begun by two versions of the model.");

    private Lease Current()
    {
        while (true)
        {
            if (Volatile.Read(ref _serving).TryLease() is { } lease) return lease;
        }
    }

    /// <summary>One version and how many hold on to it: the swap itself, calls under way, and long texts.</summary>
    private sealed class Served(IMultitaskModel model)
    {
        private int _holders = 1;

        public IMultitaskModel Model { get; } = model;

        /// <summary>Null when the version is gone already.</summary>
        public Lease? TryLease()
        {
            var holders = Volatile.Read(ref _holders);
            while (holders > 0)
            {
                var before = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
                if (before == holders) return new(this);
                holders = before;
            }

            return null;
        }

        public void Release()
        {
            if (Interlocked.Decrement(ref _holders) == 0) Model.Dispose();
        }
    }

    /// <summary>A candidate beside the version that serves.</summary>
    private sealed record Trial(Served Candidate, Canary Canary);

    private sealed class Lease(Served served) : IDisposable
    {
        private int _given;

        public IMultitaskModel Model => served.Model;

        /// <summary>Another lease of the same version, which this one keeps alive meanwhile.</summary>
        public Lease Again() => served.TryLease() ?? throw new ObjectDisposedException(nameof(Lease));

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _given, 1) == 0) served.Release();
        }
    }
}
